"""What several diagnostics share: short attacks on a few images, and how many images are more than chance."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int64
from scipy.stats import binom
from torch import Tensor, nn

from assay.adversary.goal import Loss, untargeted
from assay.adversary.threat import Threat
from assay.adversary.victim import MICRO_BATCH, Victim
from assay.evaluate.checks import Case, Light

Rows = Int64[Tensor, "R"]
STEPS = 20  # of a short PGD: what it breaks of a usual model is within a few images of what a long one does
FEW = 32  # survivors that a probe looks at: four that fall are then more than TOLERATED with 95 % confidence
TOLERATED = 0.03  # of the images: so much more falls to one more restart where nothing is wrong
WEAKER = 0.01  # the same for what is weaker than the suite, from which less is to be expected
CONFIDENCE = 0.95  # one-sided, that the share is more than what is tolerated, before a light is red
STRAY = 2  # images that may always fall without a word: they do where nothing is wrong, of 64


def few(case: Case, most: int = FEW) -> Rows:
    """The first survivors."""
    return case.survivors[:most]


def fallen(
    case: Case,
    rows: Rows,
    attack: Callable[..., Tensor],
    *,
    loss: Loss = "margin",
    threat: Threat | None = None,
    model: nn.Module | None = None,
    **settings: object,
) -> Bool[Tensor, "R"]:
    """Which images fall to an attack: what it returns is allowed and another class in float32, to the model itself.

    threat and model, where others are given, are what the attack is told.
    """
    images, labels = case.images[rows], case.labels[rows]
    with Victim(model or case.classifier, micro_batch=min(max(len(rows), 1), MICRO_BATCH)) as victim:
        goal = untargeted(labels, loss)
        points = attack(victim, images, goal, threat or case.threat, case.draws[rows], **settings)
    return fools(case, rows, points, threat)


def fools(case: Case, rows: Rows, points: Float[Tensor, "R C H W"], threat: Threat | None = None) -> Bool[Tensor, "R"]:
    """Which points, one of each row, are allowed and taken for another class."""
    images, labels = case.images[rows], case.labels[rows]
    with Victim(case.classifier, micro_batch=min(max(len(rows), 1), MICRO_BATCH)) as victim:
        return untargeted(labels).reached(victim.labels(points)) & (threat or case.threat).contains(points, images)


def excess(odd: int, looked: int, tolerated: float = TOLERATED) -> Light:
    """Whether `odd` of `looked` images are more than a share that is tolerated.

    Red: with 95 % confidence, by the one-sided binomial test. Amber: the share seen is more, and more than STRAY
    images are odd, but chance may do that. With 3 %, red are 2 of 8, 4 of 32, 5 of 64, 40 of 1000; amber 3 of 64.
    """
    if odd > 0 and binom.sf(odd - 1, looked, min(tolerated, 1.0)) < 1 - CONFIDENCE:
        return "red"
    return "amber" if odd > STRAY and odd > tolerated * looked else "green"


def new_falls(case: Case, fell: Bool[Tensor, "R"], tolerated: float = TOLERATED) -> Light:
    """`excess`, of survivors that have fallen, in terms of all images: by so much the suite's number is too high."""
    return excess(int(fell.sum()), len(fell), tolerated * len(case.images) / max(len(case.survivors), 1))


def of(count: Tensor | int, total: Tensor | int) -> str:
    """ "3 of 32" """
    number, every = (int(each.sum()) if isinstance(each, Tensor) else each for each in (count, total))
    return f"{number} of {every}"


def share(rows: Tensor) -> float:
    """The share of the rows that are true; 0 of none."""
    return float(rows.float().mean()) if len(rows) else 0.0


def everything(case: Case) -> Rows:
    """All rows."""
    return torch.arange(len(case.images), device=case.images.device)


def gradients_of(case: Case, points: Tensor) -> tuple[Tensor, dict[Loss, Tensor]]:
    """Logits at some points, one of each image, and the gradient of each loss `(B, pixels)`, of one forward pass."""
    losses: tuple[Loss, ...] = ("ce", "margin")
    with Victim(case.classifier) as victim:
        logits, found = victim.gradients(points, [untargeted(case.labels, loss) for loss in losses])
    return logits, {loss: gradient.flatten(1) for loss, gradient in zip(losses, found, strict=True)}


def largest(case: Case) -> float:
    """The eps from which on every image of the box is allowed."""
    return case.threat.norm.largest(math.prod(case.images.shape[1:]))

"""Does the loss do what its gradient says, a hair's breadth away? If not, it is rugged or jumps, and gradients mislead.

A usual net is nearly linear so near; what rounds, ripples, or lets winners take all is not.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim
from assay.evaluate.checks import Case, Finding, check, found

SAMPLES = 4  # random steps of each size
HAIR = 1 / 255  # of a pixel's range: no file of 8 bit, and no eye, knows less
QUARTER = 0.25  # of eps, spread over all pixels, where that is less: finer than the steps of most attacks
SCALES = (1.0, 0.25)  # of a step: a ripple shows at its own length; jumps show the more, the shorter the step
NEAR = 5  # steps from the image: at 0, where many pixels of it are, a net may have its kinks
PRECISION = 1e-6  # of the logits: a change that is less drowns in float32
SURPRISE = 0.7  # of what the gradients explain: usual nets 0.00 to 0.39 (most if hardened on MNIST), broken 1.0 and up
MOST = 1e6  # where gradients explain nothing at all
KEPT = 0.5  # of the climb that the gradient promises: usual nets keep 0.8 to 1.05, one that ripples or rounds nothing

Changes = Callable[[Tensor], tuple[Float[Tensor, "B"], Float[Tensor, "B"]]]


@check("gradients", "stillness")
def loss_landscape(case: Case) -> Finding:
    """The margin near each image, after small random steps and after one along its gradient, against the gradient.

    surprise: of the changes by random steps, what the gradients do not explain over what they do, each the root of
    the mean square over images and steps; the worse of two sizes of steps. kept: what a step along the gradient gains
    of what it promises, median over images. unstable: mean |Δ margin| / |margin|, at most 1, to be compared with
    Pintor et al. 2022, arXiv 2106.09947 ("unstable predictions").
    Differs: theirs is large near the boundary of any net, and nothing where ce is 0; so here it decides nothing.
    """
    size = min(HAIR, QUARTER * case.eps / float(case.threat.size(torch.ones_like(case.images[:1]))))
    points = linf(NEAR * size).start(case.images, case.draws.uniform(case.images.shape[1:], "landscape"))
    goal = untargeted(case.labels, "margin")
    with Victim(case.classifier) as victim:
        logits, gradient = victim.gradient(points, goal)
        score = goal.score(logits)

        def changes(there: Tensor) -> tuple[Tensor, Tensor]:
            foretold = (gradient * (there - points)).flatten(1).sum(1)
            return goal.score(victim.logits(there)) - score, foretold

        drowned = PRECISION * float(logits.abs().max())
        walks = [_random(case, points, size * scale, changes) for scale in SCALES]
        kept = _kept(*changes(linf(size).project(linf().climb(points, gradient, size), points)), drowned)
    unstable = (walks[0][0] / score).abs().nan_to_num(1.0).clamp_max(1).mean()
    surprise = max(_surprise(*walk, drowned) for walk in walks)
    evidence = {"surprise": surprise, "kept": kept, "unstable": float(unstable), "step": size}
    if kept < KEPT:
        said = f"a small step along the gradient gains {kept:.0%} of what it promises: the gradients mislead"
        return found("red", said, **evidence)
    if surprise > SURPRISE:
        strays = f"by {surprise:.3g} times that" if surprise < MOST else "from nothing"
        said = f"the loss is rugged: small random steps stray from what the gradients foretell, {strays}"
        return found("red", said, **evidence)
    return found("green", "the loss changes near each image as its gradient says", **evidence)


def _random(case: Case, points: Tensor, size: float, changes: Changes) -> tuple[Tensor, Tensor]:
    """The changes `(SAMPLES, B)` by random steps, and those foretold."""
    steps = (case.draws.normal(points.shape[1:], "landscape", sample).sign() for sample in range(SAMPLES))
    pairs = [changes((points + size * step).clamp(0, 1)) for step in steps]
    seen, foretold = zip(*pairs, strict=True)
    return torch.stack(seen), torch.stack(foretold)


def _surprise(seen: Tensor, foretold: Tensor, drowned: float) -> float:
    wrong, told = (change.double().square().mean().sqrt() for change in (seen - foretold, foretold))
    return min(float(wrong / told.clamp_min(1e-30)), MOST) if float(wrong) > drowned else 0.0


def _kept(seen: Tensor, foretold: Tensor, drowned: float) -> float:
    told = foretold > drowned
    return float((seen[told] / foretold[told]).median()) if told.any() else 1.0

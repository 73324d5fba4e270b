"""Carlini and Wagner: the smallest l2 change as the minimum of one smooth objective, without a box to run into."""

import math
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import as_column
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive

Images = Float[Tensor, "B C H W"]
STRETCH = 1.1  # of the box, so that there is a slope at its edge
OFTEN = 10.0  # times the c that a linear classifier would need: what to begin with
MEAN, SQUARE = 0.9, 0.999  # Adam's decay


@attack(kind="minimum", access="gradients", norms=("l2",), oracle_factor={"l2": 1.05})
def cw(
    victim: Victim,
    images: Images,
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 100,
    searches: Count = 4,
    step_size: Positive = 0.2,
) -> Images:
    """Carlini and Wagner 2017, arXiv 1608.04644, §V-A and §VI-A: min over w of ‖x(w) - image‖² + c · max(gap, 0), where
    gap is minus the margin and x(w) = ½ + ½ tanh w; by Adam, for each of `searches` values of c, larger or smaller.

    step_size is Adam's, in w; with 0.05 the steps of a search do not carry a pixel across the box. c is each image's
    own, in pixels² for each logit; it begins at ten times what a linear classifier with the image's gap and gradient
    needs, so that the scale of the logits does not matter.

    Differs: w / √(1 + w²) in place of tanh, whose last bit depends on a pixel's place in memory. Its range is a tenth
    wider than the box, and w ends where the box does: pixels of 0 and 1 are met exactly and can move. step_size falls
    to 0 along a cosine. The gap counts until float32 confirms that it is closed.
    """
    if threat.box is None:
        raise ValueError("cw writes pixels as a bounded function: it needs a threat with a box")
    low, high = threat.box
    middle, half, edge = (low + high) / 2, (high - low) / 2 * STRETCH, (STRETCH**2 - 1) ** -0.5
    search = Search(victim, images, replace(goal, loss="margin"), threat)
    gap = (-search.score(images)).clamp_min(1e-12)
    slope = search.gradient(images).flatten(1).norm(dim=1).clamp_min(1e-12)
    c = OFTEN * (gap / slope).clamp_max(images[0].numel() ** 0.5).square() / gap if len(images) else gap
    least, most = torch.zeros_like(c), torch.full_like(c, torch.inf)
    for _ in search.rounds(searches):
        w, won = _unbent((images - middle) / half), torch.zeros_like(search.fooled)
        mean, square = torch.zeros_like(images), torch.zeros_like(images)
        for step in search.rounds(steps):
            points = (middle + half * _bent(w)).clamp(low, high)
            climb = search.gradient(points)
            won |= search.fooled
            down = 2 * (points - images) - as_column(torch.where(search.fooled, 0, c), images) * climb
            flat = 1 - _bent(w).square()
            down = down * half * flat * flat.sqrt()
            mean, square = MEAN * mean + (1 - MEAN) * down, SQUARE * square + (1 - SQUARE) * down.square()
            size = step_size * (1 + math.cos(math.pi * step / steps)) / 2
            w = w - size * _unbiased(mean, MEAN, step) / (_unbiased(square, SQUARE, step).sqrt() + 1e-8)
            w = w.clamp(-edge, edge)
        search.look((middle + half * _bent(w)).clamp(low, high))
        won |= search.fooled
        least, most = torch.where(won, least, c), torch.where(won, c, most)
        c = torch.where(most.isinf(), 10 * c, torch.where(least > 0, (least * most).sqrt(), c / 2))
    return search.best


def _unbiased(average: Images, decay: float, step: int) -> Images:
    return average / (1 - decay ** (step + 1))


def _bent(w: Images) -> Images:
    """The whole line to (-1, 1)."""
    return w / (1 + w.square()).sqrt()


def _unbent(x: Images) -> Images:
    return x / (1 - x.square()).sqrt()

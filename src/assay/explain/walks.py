"""Sums of gradients over many points around each image, with memory that does not grow with their number."""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import targeted
from assay.adversary.victim import Victim
from assay.explain import finite

IMAGES, POINTS = 4, 32  # at a time: micro-batches that are full, also for a single image

Point = Callable[[slice, int], Float[Tensor, "b C H W"]]


def summed_gradients(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    classes: Int64[Tensor, "B"],
    weights: Sequence[float],
    point: Point,
) -> Float[Tensor, "B C H W"]:
    """Σ_j weights[j] · ∂ logit of the class / ∂ pixel at `point(rows, j)`, for each image.

    Each image's terms are added in the order of j, in float64: its sum does not depend on its neighbours.
    """
    total = torch.zeros_like(images, dtype=torch.float64)
    for start in range(0, len(images), IMAGES):
        rows = slice(start, min(start + IMAGES, len(images)))
        for numbers in torch.arange(len(weights)).split(POINTS):
            points = torch.stack([point(rows, number) for number in numbers.tolist()], 1)
            goal = targeted(classes[rows].repeat_interleave(len(numbers)), loss="logit")
            logits, found = victim.gradient(points.flatten(0, 1), goal, exact=True)
            finite("the model", logits.unflatten(0, points.shape[:2]))  # behind a ReLU the gradient hides what is NaN
            for number, gradient in zip(numbers.tolist(), found.unflatten(0, points.shape[:2]).unbind(1), strict=True):
                total[rows] += weights[number] * gradient
    return total

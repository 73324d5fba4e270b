"""A course's iterated attack as it was written, for `assay attack RUN --attack FILE.py:with_its_step`.

Its "epsilon" is a step, not a budget: ten steps reach ten times as far. It takes the gradient at the clean image every
time, so that all ten steps are one long one. It never projects, and it tests before it clips to [0, 1], so that some of
what it counts as fooled is no image. A lab puts this file beside its runs: change it, and see what moves.
"""

import torch
from torch import Tensor, nn

STEPS = 10


def with_its_step(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """Steps of eps, unclipped: what it counts as fooled. The judge calls what lies beyond eps a fault."""
    return _walked(model, images, labels, eps)


def within_its_reach(model: nn.Module, images: Tensor, labels: Tensor, eps: float) -> Tensor:
    """Steps of a tenth of eps, clipped at the end: the same answers, at the budget that they use."""
    return _walked(model, images, labels, eps / STEPS).clamp(0, 1)


def _walked(model: nn.Module, images: Tensor, labels: Tensor, step: float) -> Tensor:
    pixels = images.clone().requires_grad_()
    loss = nn.functional.cross_entropy(model(pixels), labels, reduction="sum")
    direction = torch.autograd.grad(loss, pixels)[0].sign()
    points, fooled = images.clone(), torch.zeros(len(images), dtype=torch.bool, device=images.device)
    for _ in range(STEPS):
        points[~fooled] += step * direction[~fooled]
        with torch.no_grad():
            fooled |= model(points).argmax(1) != labels
    return points

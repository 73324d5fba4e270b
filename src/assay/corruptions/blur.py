"""Out of focus: every pixel a mean of those around it."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.corruptions import corruption
from assay.corruptions.moved import mirrored

FAR = 4  # standard deviations, beyond which a weight is left out, as scipy does


@corruption(amounts=(0.0125, 0.01875, 0.021875, 0.025, 0.03125), unit="standard deviation, share of the side")
def blur(images: Float[Tensor, "B C H W"], draws: Draws, amount: float) -> Float[Tensor, "B C H W"]:
    """A Gaussian mean over the pixels around, whose standard deviation is that share of the shorter side.

    The 0.4 to 1 pixels of 32 of CIFAR-10-C (arXiv 1903.12261), so that a large image is blurred as a small one.
    Beyond the edge the image is mirrored. Differs: there the edge's pixel is repeated.
    """
    sigma = amount * min(images.shape[2:])
    for axis in (2, 3):
        images = _along(images, axis, sigma)
    return images.clamp(0, 1)


def _along(images: Tensor, axis: int, sigma: float) -> Tensor:
    """The mean along one axis, weight by weight: sums that no batch size changes."""
    radius, size = int(FAR * sigma + 0.5), images.shape[axis]
    weights = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(-radius, radius + 1)] if radius else [1.0]
    total, blurred = sum(weights), torch.zeros_like(images)
    for step, weight in zip(range(-radius, radius + 1), weights, strict=True):
        places = mirrored(torch.arange(size, device=images.device) + step, size)
        blurred = blurred + weight / total * images.index_select(axis, places)
    return blurred

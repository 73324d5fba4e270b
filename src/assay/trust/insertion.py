"""Insertion: does the answer come back faster when the map's pixels come first?"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from assay.trust import Arrays, Case
from assay.trust.curves import curves

# Of the shorter side, the width (σ) of the Gaussian; through it the class is 12 % likely on MNIST, 19 % on CIFAR-10.
BLUR = 1 / 6


def insertion(case: Case) -> Arrays:
    """The probability of the explained class, `(B, STEPS + 1)`, while pixels of the image come back into a blurred one.

    Petsiuk et al. 2018, arXiv 1806.07421, §3.2.
    """
    veiled = blurred(case.images)
    return curves(case, "insertion", lambda order, count: torch.where(order < count, case.images, veiled))


def blurred(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """A Gaussian of BLUR of the side over each channel; the edge pixels go on beyond the edge."""
    width = BLUR * min(images.shape[2:])
    radius = max(1, round(2 * width))
    bell = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=images.device) / width).square())
    bell = (bell / bell.sum())[None, None]
    planes = F.pad(images.flatten(0, 1)[:, None], (radius,) * 4, mode="replicate")
    planes = F.conv2d(F.conv2d(planes, bell[:, :, None]), bell[..., None])
    return planes.view(images.shape)

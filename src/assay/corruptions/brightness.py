"""Too much light: every pixel brighter, its colour kept."""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.corruptions import corruption


@corruption(amounts=(0.05, 0.10, 0.15, 0.20, 0.30), unit="brightness added, of [0, 1]")
def brightness(images: Float[Tensor, "B C H W"], draws: Draws, amount: float) -> Float[Tensor, "B C H W"]:
    """The largest channel of each pixel (the V of HSV) raised by the amount, at most to 1, the others in proportion.

    The amounts of CIFAR-10-C (arXiv 1903.12261). A black pixel has no colour to keep and becomes grey.
    """
    value = images.amax(1, keepdim=True)
    brighter = (value + amount).clamp(max=1)
    return torch.where(value > 0, images * (brighter / value.clamp_min(torch.finfo(images.dtype).tiny)), brighter)

"""A camera held askew: the image turned about its centre."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.corruptions import corruption
from assay.corruptions.moved import read


@corruption(amounts=(6.0, 12.0, 18.0, 24.0, 30.0), unit="degrees")
def rotation(images: Float[Tensor, "B C H W"], draws: Draws, amount: float) -> Float[Tensor, "B C H W"]:
    """Turned by so many degrees, half of the images to the left and half to the right, as each draws.

    Up to the 30° that Engstrom et al. 2019 (arXiv 1712.02779) allow, in five equal steps. Linear between pixels; what
    comes in at the corners is the image, mirrored at its edge.
    """
    height, width = images.shape[2:]
    side = (2 * draws.integers(2, (1, 1), "corruptions", "rotation") - 1).double()
    down = torch.arange(height, device=images.device).double()[:, None] - (height - 1) / 2
    right = torch.arange(width, device=images.device).double()[None, :] - (width - 1) / 2
    cosine, sine = math.cos(math.radians(amount)), side * math.sin(math.radians(amount))
    rows = down * cosine + right * sine + (height - 1) / 2
    return read(images, rows, right * cosine - down * sine + (width - 1) / 2)

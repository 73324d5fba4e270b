"""A camera that points beside the thing: the image moved."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.corruptions import corruption
from assay.corruptions.moved import read

DIRECTIONS = 360  # a table of them: the same numbers on every machine


@corruption(amounts=(0.02, 0.04, 0.06, 0.08, 0.10), unit="share of the side")
def shift(images: Float[Tensor, "B C H W"], draws: Draws, amount: float) -> Float[Tensor, "B C H W"]:
    """Moved by that share of the shorter side, each image in a direction that it draws, of all around.

    Up to the tenth of the side that Engstrom et al. 2019 (arXiv 1712.02779) allow, in five equal steps. Linear between
    pixels, so that small images are also blurred a little; what comes in is the image, mirrored at its edge.
    """
    height, width = images.shape[2:]
    degrees = draws.integers(DIRECTIONS, (1, 1), "corruptions", "shift")
    far = amount * min(height, width)
    away = torch.tensor([[far * f(math.radians(one)) for one in range(DIRECTIONS)] for f in (math.sin, math.cos)])
    down, right = away.to(images.device).double()[:, degrees]
    rows = torch.arange(height, device=images.device).double()[:, None] + down
    columns = torch.arange(width, device=images.device).double()[None, :] + right
    return read(images, rows.expand(-1, -1, width), columns.expand(-1, height, -1))

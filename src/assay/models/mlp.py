"""One hidden layer: the fully connected baseline that convolutions have to beat."""

from math import prod

from torch import nn

from assay.spec import Count


def mlp(shape: tuple[int, int, int], classes: int, *, width: Count = 100) -> nn.Module:
    """Every pixel to each of `width` units, ReLU, and one output for each class.

    308 310 parameters for 3×32×32 and 10 classes; any image fits.
    """
    if min(shape[1:]) < 1:
        raise ValueError(f"mlp takes images of at least 1×1, got {shape[1]}×{shape[2]}")
    return nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), nn.ReLU(), nn.Linear(width, classes))

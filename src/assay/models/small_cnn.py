"""Three convolutions and two linear layers: a first network for small colour images."""

from typing import Literal

from torch import nn

from assay.models.own_convolution import OwnConv2d


def small_cnn(
    shape: tuple[int, int, int], classes: int, *, conv: Literal["torch", "own"] = "torch", norm: bool = False
) -> nn.Module:
    """Convolutions of 8, 16 and 32 channels (3×3, padding 1), each pooled 2×2, then 128 and one output for each class.

    72 986 parameters for 3×32×32 and 10 classes; any image of at least 8×8 fits. conv: whose convolution computes, from
    the same initial weights. norm: batch norm between each convolution and its ReLU (arXiv 1502.03167, §3.2).
    """
    channels, height, width = shape
    if min(height, width) < 8:
        raise ValueError(f"small_cnn takes images of at least 8×8, got {height}×{width}")
    convolution = OwnConv2d if conv == "own" else nn.Conv2d
    layers: list[nn.Module] = []
    for before, after in ((channels, 8), (8, 16), (16, 32)):
        layers.append(convolution(before, after, 3, padding=1))
        if norm:
            layers.append(nn.BatchNorm2d(after))
        layers += [nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(32 * (height // 8) * (width // 8), 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )

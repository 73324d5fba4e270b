"""A whitening layer and six convolutions: the line of networks that learn CIFAR-10 in seconds."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from assay.spec import Count

SMALLEST_VARIANCE = 5e-4  # added to each: a direction in which patches hardly vary is noise, and is not blown up
PIECE = 512  # images whose patches are held at a time


class Group(nn.Sequential):
    """Convolution, pool, norm, activation; convolution, norm, activation."""

    def __init__(self, before: int, width: int, pool: bool) -> None:
        super().__init__(
            OrderedDict(
                conv1=convolution(before, width),
                pool=nn.MaxPool2d(2) if pool else nn.Identity(),
                norm1=norm(width),
                activation1=nn.GELU(),
                conv2=convolution(width, width),
                norm2=norm(width),
                activation2=nn.GELU(),
            )
        )


class Shrink(nn.Module):
    """What comes in times a number: before a head without bias, as good as the same for its logits."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        return features * self.factor


class SpeedCNN(nn.Sequential):
    """The network, which can be shown images before it learns."""

    @torch.no_grad()
    def whiten(self, images: Float[Tensor, "B C H W"]) -> None:
        """Fill the first convolution with filters whose answers to the 2×2 patches of these images are uncorrelated and
        of equal size: the patches' principal directions, and their negatives. Images are normalised as for `forward`.
        """
        layer = self.get_submodule("whitening")
        assert isinstance(layer, nn.Conv2d)
        moments = torch.zeros(layer.in_channels * 4, layer.in_channels * 4, dtype=torch.float64)
        for piece in images.split(PIECE):
            patches = F.unfold(piece.float(), 2).transpose(1, 2).flatten(0, 1)
            moments += (patches.mT @ patches / len(patches) * (len(piece) / len(images))).double().cpu()
        variances, directions = torch.linalg.eigh(moments)
        filters = (directions / (variances.clamp_min(0) + SMALLEST_VARIANCE).sqrt()).mT.flip(0)  # the largest first
        put_filters(layer, filters)


def speed_cnn(shape: tuple[int, int, int], classes: int, *, width: Count = 64) -> nn.Module:
    """The network of airbench94 (Jordan 2024, arXiv 2404.00498): groups of width, 4·width and 4·width channels.

    1 972 792 parameters for 3×32×32 and 10 classes; any image of at least 2×2 fits. The filters of the first layer and
    the scales of batch norm do not learn. `whiten(images)` before training fits those filters to the data.
    Differs: pools only what is at least 2×2; torch's eps in batch norm; the 1/9 stands before the head.
    """
    channels, *sides = shape
    if min(sides) < 2:
        raise ValueError(f"speed_cnn takes images of at least 2×2, got {sides[0]}×{sides[1]}")
    first = nn.Conv2d(channels, 8 * channels, 2)
    assert first.bias is not None
    nn.init.zeros_(first.bias)
    first.weight.requires_grad_(False)
    put_filters(first, nn.init.orthogonal_(torch.empty(4 * channels, 4 * channels)))
    layers: dict[str, nn.Module] = {"whitening": first, "activation": nn.GELU()}
    before, side = 8 * channels, min(sides) - 1
    for number, after in enumerate((width, 4 * width, 4 * width), 1):
        layers[f"group{number}"] = Group(before, after, pool=side >= 2)
        before, side = after, max(1, side // 2)
    layers |= {"pool": nn.AdaptiveMaxPool2d(1), "flatten": nn.Flatten(), "shrink": Shrink(1 / 9)}
    return SpeedCNN(OrderedDict(layers, linear=nn.Linear(before, classes, bias=False)))


def put_filters(layer: nn.Conv2d, filters: Tensor) -> None:
    """Each of them, and then each one's negative: the two halves of a direction pass an activation apart."""
    with torch.no_grad():
        layer.weight.copy_(torch.cat([filters, -filters]).reshape(layer.weight.shape))


def convolution(before: int, after: int) -> nn.Conv2d:
    """3×3 without bias, which at first hands on each channel that came in, beside torch's own filters."""
    layer = nn.Conv2d(before, after, 3, padding=1, bias=False)
    with torch.no_grad():
        nn.init.dirac_(layer.weight[:before])
    return layer


def norm(width: int) -> nn.BatchNorm2d:
    """Batch norm that follows its batches quickly, with a bias and no scale."""
    layer = nn.BatchNorm2d(width, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer

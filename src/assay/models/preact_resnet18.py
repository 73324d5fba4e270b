"""Eight residual blocks that norm and activate before each convolution: the usual net of adversarial training."""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU}


class Block(nn.Module):
    """Norm, activation, 3×3 convolution, twice; added to what came in.

    Where the size changes, a 1×1 projection of what the first activation returns is added instead.
    """

    def __init__(self, before: int, width: int, stride: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(before)
        self.activation1 = activation()
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.activation2 = activation()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut: nn.Module | None = None
        if stride != 1 or before != width:
            self.shortcut = nn.Conv2d(before, width, 1, stride, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        active = self.activation1(self.norm1(images))
        beside: Tensor = images if self.shortcut is None else self.shortcut(active)
        return beside + self.conv2(self.activation2(self.norm2(self.conv1(active))))


def preact_resnet18(
    shape: tuple[int, int, int], classes: int, *, activation: Literal["relu", "silu"] = "relu"
) -> nn.Module:
    """The order of He et al. 2016 (arXiv 1603.05027, figure 4e) in the blocks of an 18-layer network, 3×3 at full size.

    11 172 170 parameters for 3×32×32 and 10 classes; any image of at least 8×8 fits. A smooth activation, "silu", gains
    robust accuracy in adversarial training (Xie et al. 2020, arXiv 2006.14536).
    """
    channels, height, width = shape
    if min(height, width) < 8:
        raise ValueError(f"preact_resnet18 takes images of at least 8×8, got {height}×{width}")
    kind = ACTIVATIONS[activation]

    def stage(before: int, width: int, stride: int) -> nn.Module:
        return nn.Sequential(Block(before, width, stride, kind), Block(width, width, 1, kind))

    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, 64, 3, padding=1, bias=False),
            stage1=stage(64, 64, 1),
            stage2=stage(64, 128, 2),
            stage3=stage(128, 256, 2),
            stage4=stage(256, 512, 2),
            norm=nn.BatchNorm2d(512),
            activation=kind(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(512, classes),
        )
    )

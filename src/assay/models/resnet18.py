"""Eight residual blocks of 64 to 512 channels, with torchvision's parameter names: its weights can be imported."""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with batch norm, added to what came in, which a 1×1 projection brings to their size."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.downsample = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        self.relu2 = nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        inside = self.relu1(self.bn1(self.conv1(images)))
        answer: Tensor = self.relu2(self.bn2(self.conv2(inside)) + self.downsample(images))
        return answer


def resnet18(
    shape: tuple[int, int, int], classes: int, *, stem: Literal["imagenet", "small"] = "imagenet"
) -> nn.Module:
    """The 18-layer network of He et al. 2016 (arXiv 1512.03385, table 1).

    11 181 642 parameters for 3×32×32 and 10 classes, 11 689 512 for 1000 classes; any image of at least 8×8 fits.
    stem: "imagenet" halves the image twice before the first block (7×7 and pool), "small" begins with 3×3 at full size.
    """
    channels, height, width = shape
    if min(height, width) < 8:
        raise ValueError(f"resnet18 takes images of at least 8×8, got {height}×{width}")
    large = stem == "imagenet"
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 64, 7, 2, padding=3, bias=False)
            if large
            else nn.Conv2d(channels, 64, 3, padding=1, bias=False),
            bn1=nn.BatchNorm2d(64),
            relu=nn.ReLU(),
            maxpool=nn.MaxPool2d(3, 2, padding=1) if large else nn.Identity(),
            layer1=nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1)),
            layer2=nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1)),
            layer3=nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1)),
            layer4=nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1)),
            avgpool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(512, classes),
        )
    )
    for part in net.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return net

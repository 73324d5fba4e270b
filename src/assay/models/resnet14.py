"""Six residual blocks of 16, 32 and 64 channels: a small ResNet for CIFAR."""

from collections import OrderedDict

from torch import Tensor, nn


class Block(nn.Module):
    """Two 3×3 convolutions with batch norm, added to what came in.

    Where the width changes, the first convolution has stride 2, and a 1×1 projection brings the input to that size.
    """

    def __init__(self, before: int, width: int) -> None:
        super().__init__()
        stride = 1 if before == width else 2
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut: nn.Module = nn.Identity()
        if before != width:
            self.shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width))
        self.relu2 = nn.ReLU()  # one for each place: what hooks look at has one output

    def forward(self, images: Tensor) -> Tensor:
        inside = self.relu1(self.norm1(self.conv1(images)))
        answer: Tensor = self.relu2(self.norm2(self.conv2(inside)) + self.shortcut(images))
        return answer


def resnet14(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """The CIFAR network of He et al. 2016 (arXiv 1512.03385, §4.2) with n = 2: 6n + 2 = 14 layers.

    175 258 parameters for 3×32×32 and 10 classes; any image of at least 4×4 fits.
    Differs: projections (their option B) where they pad with zeros, and torch's own initial weights.
    """
    channels, height, width = shape
    if min(height, width) < 4:
        raise ValueError(f"resnet14 takes images of at least 4×4, got {height}×{width}")
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(channels, 16, 3, padding=1, bias=False),
            norm=nn.BatchNorm2d(16),
            relu=nn.ReLU(),
            stage1=nn.Sequential(Block(16, 16), Block(16, 16)),
            stage2=nn.Sequential(Block(16, 32), Block(32, 32)),
            stage3=nn.Sequential(Block(32, 64), Block(64, 64)),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            linear=nn.Linear(64, classes),
        )
    )

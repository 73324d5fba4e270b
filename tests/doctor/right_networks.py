"""Networks in which nothing is wrong, of many kinds: no check may speak against any of them."""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.chance import seeded
from assay.data import load
from tests.doctor.networks import Altered, cases, learn, skilled, taught, with_norm

Case = tuple[nn.Module, Tensor, Tensor | None, int | None]
RIGHT: dict[str, Callable[[], Case]] = {}


def right(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Register a network for digits."""
    RIGHT[make.__name__] = lambda: (make(), *cases(), 10)
    return make


def right_case(make: Callable[[], Case]) -> Callable[[], Case]:
    """Register a network with images of its own."""
    RIGHT[make.__name__] = make
    return make


@right
def plain() -> nn.Module:
    return skilled()


@right
def batch_norm_and_dropout() -> nn.Module:
    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2),
            nn.Conv2d(8, 16, 3, 2, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10),
        )  # fmt: skip

    return copy.deepcopy(taught(make, steps=15))


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(width), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        return images + self.conv(F.relu(self.norm(images)))


@right
def residual() -> nn.Module:
    def make() -> nn.Module:
        blocks = [Residual(8) for _ in range(3)]
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), *blocks, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(128, 10)
        )

    return copy.deepcopy(taught(make, steps=15))


def _with(activation: nn.Module, **how: int) -> nn.Module:
    def make() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), activation, nn.Linear(48, 10))

    return learn(make(), *_few(), **how)


def _few() -> tuple[Tensor, Tensor]:
    digits = load("digits", "train", 400)
    return digits.pixels(), digits.labels


@right
def gelu() -> nn.Module:
    return _with(nn.GELU())


@right
def tanh() -> nn.Module:
    return _with(nn.Tanh())


@right
def sigmoid() -> nn.Module:
    return _with(nn.Sigmoid())


@right
def max_pool() -> nn.Module:
    def make() -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(192, 10)
        )

    return copy.deepcopy(taught(make, steps=20))


@right
def batch_norm_of_units() -> nn.Module:
    return copy.deepcopy(taught(with_norm))


@right
def normalises_itself() -> nn.Module:
    return Altered(lambda x: (x - 0.1307) / 0.3081, net=Altered(lambda x: x * 0.3081 + 0.1307))


@right
def shifts_its_logits() -> nn.Module:
    return Altered(after=lambda logits: logits + 100)


@right
def mostly_negative() -> nn.Module:
    return Altered(after=lambda logits: logits - logits.amax(1, keepdim=True) - 1)


@right
def very_confident() -> nn.Module:
    return Altered(after=lambda logits: 4 * logits)


@right
def hardened() -> nn.Module:
    """Small weights, and the same answer in noise."""
    return copy.deepcopy(taught(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), noise=0.4))


@right
def hesitant() -> nn.Module:
    """All logits within a thousandth."""
    return Altered(after=lambda logits: 1e-4 * logits)


@right
def sees_to_its_pixels() -> nn.Module:
    def checked(images: Tensor) -> Tensor:
        assert images.min() >= 0
        assert images.max() <= 1
        return images

    return Altered(checked)


@right
def in_doubles() -> nn.Module:
    return Altered(lambda x: x.double(), net=skilled().double())


@right
def in_tokens() -> nn.Module:
    """Patches, attention and layer norm."""

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches = nn.Conv2d(1, 16, 2, 2)
            self.place = nn.Parameter(0.02 * torch.randn(16, 16))
            self.attend = nn.TransformerEncoderLayer(16, 2, 32, 0.1, batch_first=True, norm_first=True)
            self.end = nn.Linear(16, 10)

        def forward(self, images: Tensor) -> Tensor:
            return self.end(self.attend(self.patches(images).flatten(2).mT + self.place).mean(1))

    return copy.deepcopy(taught(Tokens, steps=30))


@right
def hardly_taught() -> nn.Module:
    return copy.deepcopy(
        taught(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10)), steps=5)
    )


@right_case
def of_random_weights() -> Case:
    with seeded(3, "weights"):
        net = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(128, 7)
        )
    return net, cases()[0], None, None


@right_case
def of_two_classes() -> Case:
    digits = load("digits", "train", 600)
    two = digits.rows(digits.labels < 2)
    with seeded(0, "weights"):
        net = learn(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), two.pixels(), two.labels, 30)
    return net, two.pixels()[:64], two.labels[:64], 2


@right_case
def half_right_of_two_classes() -> Case:
    """Odd and even by a net that has not learnt: no better the other way about."""
    images, labels = cases()
    with seeded(1, "weights"):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), images, labels % 2, 2


@right_case
def of_colours() -> Case:
    """Three channels, 32 × 32: which of the colours is brightest, and in which half."""
    with seeded(5, "images"):
        images = 0.5 * torch.rand(240, 3, 32, 32)
        labels = torch.arange(240) % 6
        for row, label in enumerate(labels.tolist()):
            images[row, label // 2, :, 16 * (label % 2) : 16 + 16 * (label % 2)] += 0.3
        net = nn.Sequential(nn.Conv2d(3, 8, 5, 4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 6))
        learn(net, images[:180], labels[:180], 25)
    return net, images[180:], labels[180:], 6

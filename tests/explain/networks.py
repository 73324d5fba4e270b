"""Networks of users that hide what a method has to find, and the house's own; each with three classes."""

import torch
import torch.nn.functional as F
from torch import nn

from assay.chance import seeded
from assay.models import MODELS
from assay.models.classifier import build
from tests.explain.conftest import classifier

CLASSES = 3


class Functional(nn.Module):
    """ReLUs and pools that are no modules."""

    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, 6, 3, padding=1)
        self.last = nn.Conv2d(6, 8, 3, padding=1)
        self.end = nn.Linear(8, CLASSES)

    def forward(self, images):
        inside = F.max_pool2d(F.relu(self.first(images)), 2)
        return self.end(F.relu(self.last(inside), inplace=True).mean((2, 3)))


class Reused(nn.Module):
    """One ReLU, in place, and one convolution, each used more than once; half of it trains when it should."""

    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, 6, 3, padding=1)
        self.again = nn.Conv2d(6, 6, 3, padding=1)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.end = nn.Linear(6 * 8 * 8, CLASSES)

    def forward(self, images):
        inside = self.relu(self.norm(self.first(images)))
        inside = self.relu(self.again(inside) + inside)
        inside = self.relu(self.again(inside))
        return self.end(self.drop(inside).flatten(1))


class ClassToken(nn.Module):
    """A transformer that answers by its class token: the last block's other tokens change nothing."""

    def __init__(self, channels):
        super().__init__()
        self.patches = nn.Conv2d(channels, 12, 2, 2)
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.places = nn.Parameter(torch.randn(1, 17, 12) / 4)
        self.blocks = nn.Sequential(*[nn.TransformerEncoderLayer(12, 2, 24, batch_first=True) for _ in range(3)])
        self.norm = nn.LayerNorm(12)
        self.end = nn.Linear(12, CLASSES)

    def forward(self, images):
        tokens = self.patches(images).flatten(2).mT
        tokens = torch.cat([self.token.expand(len(images), -1, -1), tokens], 1) + self.places
        return self.end(self.norm(self.blocks(tokens))[:, 0])


YOURS = {"functional": Functional, "reused": Reused, "class token": ClassToken}


def yours(kind, channels):
    """A network of a user, 8×8 pixels."""
    with seeded(5, kind):
        return classifier(YOURS[kind](channels), (channels, 8, 8), CLASSES)


def house(architecture, channels, side=16):
    """One of assay.models."""
    numbers = {"mean": [0.4] * channels, "std": [0.3] * channels}
    shape = [channels, side, side]
    about = {"architecture": architecture, "shape": shape, "classes": list("abc"), **numbers}
    return build(about, seed=2).eval()


HOUSE = (*MODELS, "vit(window=2)", "small_cnn(conv='own')", "better_cnn(norm=False)")

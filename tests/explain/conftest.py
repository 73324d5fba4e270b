"""Runs and calls from the tests of mistakes, and small networks whose answers are known."""

import pytest
import torch
from torch import nn

from assay.adversary.victim import Victim
from assay.models.classifier import Classifier
from tests.mistakes.saying import alone, finished, refuse, run, say, undrawn

__all__ = ["alone", "finished", "refuse", "run", "say", "undrawn"]


def classifier(net, shape=(1, 8, 8), classes=3):
    """Pixels as they are: mean 0, standard deviation 1."""
    names = [str(number) for number in range(classes)]
    return Classifier(net, "test", shape, names, [0.0] * shape[0], [1.0] * shape[0]).eval()


def small(channels=1, size=8, classes=3):
    """Two convolutions, the ReLUs in place, batch norm between: what makes a hook see the wrong thing."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        net = nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.BatchNorm2d(4),
            nn.Conv2d(4, 5, 3, stride=2),
            nn.ReLU(inplace=True),
            nn.Flatten(),
            nn.Linear(5 * ((size - 3) // 2 + 1) ** 2, classes),
        )
    return classifier(net, (channels, size, size), classes)


def pixels(n, channels=1, size=8):
    generator = torch.Generator().manual_seed(7)
    return torch.rand(n, channels, size, size, generator=generator), torch.arange(n) % 3


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def seen(request):
    """A victim, twenty images of its kind (more than go at once), labels."""
    images, labels = pixels(20, request.param)
    with Victim(small(request.param)) as victim:
        yield victim, images, labels

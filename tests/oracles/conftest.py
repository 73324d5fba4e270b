"""A small network that has learnt something, in a second or two."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from assay.chance import permutation
from assay.data.digits import digits


@pytest.fixture(scope="session")
def learnt():
    """A convolutional network on the digits, and 128 test images with their labels."""
    train, test = digits("train"), digits("test")
    pixels, labels = train.pixels(), train.labels
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, padding=1, stride=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(256, 10),
        )
        optimizer = torch.optim.Adam(net.parameters(), 5e-3)
        for epoch in range(8):
            for rows in permutation(len(labels), 1, epoch).split(64):
                optimizer.zero_grad()
                F.cross_entropy(net(pixels[rows]), labels[rows]).backward()
                optimizer.step()
    net.eval()
    images, truth = test.pixels()[:128], test.labels[:128]
    assert (net(images).argmax(1) == truth).float().mean() > 0.9
    return net, images, truth

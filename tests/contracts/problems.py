"""Random linear classifiers, and images whose smallest eps is known exactly, in and off the corners of the box."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from assay.doctor.linear import Norm, linear, smallest_eps

SHAPES = ((1, 4, 6), (3, 5, 3))
REACH = 2.5  # logits that a change of one class against another may gain at most: no softmax saturates
FAR = 12.0  # logits by which the classes out of reach are behind


@dataclass(frozen=True)
class Problem:
    """A linear classifier, images that it gets right, and of each image the smallest eps that breaks it (inf: none)."""

    classifier: nn.Module
    images: Tensor
    labels: Tensor
    radius: np.ndarray

    def rows(self, keep: np.ndarray) -> "Problem":
        where = torch.from_numpy(np.flatnonzero(keep))
        return Problem(self.classifier, self.images[where], self.labels[where], self.radius[keep])


def problem(
    norm: Norm, shape: tuple[int, int, int], classes: int, seed: int, *, grey: bool = False, rivals: bool = False
) -> Problem:
    """Random weights over three powers of ten, and images inside the box and in its corners; `grey` keeps them off it.

    Two classes are near each other; any more are out of reach, unless `rivals`, so that there is one best direction.
    """
    chance = np.random.default_rng(seed)
    pixels = int(np.prod(shape))
    weight = chance.normal(size=(classes, pixels)) * 10.0 ** chance.uniform(-2, 1, (classes, pixels))
    widest = max(np.abs(weight[i] - weight[j]).sum() for i in range(classes) for j in range(i))
    weight *= 2 * REACH / widest
    images = _images(chance, pixels, grey)
    bias = -(weight @ images.T).mean(1)  # each class is about as near as any other
    if not rivals:
        bias[2:] -= FAR
    logits = images @ weight.T + bias
    labels = logits.argmax(1)
    radius = np.array(
        [smallest_eps(norm, weight, bias, image, int(label)) for image, label in zip(images, labels, strict=True)]
    )
    clear = radius > 0.01  # nearer than that, float32 decides
    pixels_of = torch.from_numpy(images[clear]).float().reshape(-1, *shape)
    return Problem(linear(weight, bias), pixels_of, torch.from_numpy(labels[clear]), radius[clear])


def _images(chance: np.random.Generator, pixels: int, grey: bool) -> np.ndarray:
    if grey:
        return np.round(chance.uniform(0.45, 0.55, (16, pixels)) * 256) / 256
    inside = np.round(chance.uniform(size=(10, pixels)) * 256) / 256  # multiples of 1/256: exact in float32
    binary = chance.integers(0, 2, (6, pixels)).astype(float)
    return np.concatenate([inside, binary, np.zeros((1, pixels)), np.ones((1, pixels))])

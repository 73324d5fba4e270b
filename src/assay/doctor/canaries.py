"""Small classifiers whose right answer is known exactly: built from eps, not trained, so that nothing is estimated.

Each is built around the eps of the attack under test: about half of its images can be broken there, provably.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from assay.doctor.linear import SMALLEST, Norm, linear, smallest_eps
from assay.doctor.nets import Keys, Tent

SHAPE = (1, 12, 12)
CLEAR = 0.9  # of eps: an image whose smallest eps is below that is to be broken by whoever is right
SPREAD = (0.4, 2.0)  # of eps: between these lie the smallest eps of a canary's images
DUAL = {"linf": 1, "l2": 2, "l1": np.inf}  # orders of the norms that say how far a pattern can be gone along


@dataclass(frozen=True)
class Canary:
    """A classifier, images `(N, C, H, W)` that it gets right, their labels, and of each image the smallest eps in
    the norm at which it can be broken (inf: at none)."""

    name: str
    net: nn.Module
    images: Tensor
    labels: Tensor
    norm: Norm
    eps: float
    radius: np.ndarray

    @property
    def classes(self) -> int:
        """How many there are."""
        return int(self.net(self.images[:1]).shape[1])

    @property
    def breakable(self) -> np.ndarray:
        """Images that an attack must break at eps."""
        return self.radius <= CLEAR * self.eps

    @property
    def unbreakable(self) -> np.ndarray:
        """Images that nobody can break at eps."""
        return self.radius > 1.02 * self.eps

    def rows(self, rows: Sequence[int] | np.ndarray | Tensor) -> "Canary":
        """Some of the images, in that order."""
        where = torch.as_tensor(np.asarray(rows), dtype=torch.int64)
        return replace(self, images=self.images[where], labels=self.labels[where], radius=self.radius[where.numpy()])

    def under(self, name: str, net: nn.Module) -> "Canary":
        """The same images under another classifier that answers the same."""
        return replace(self, name=name, net=net)


@lru_cache(maxsize=64)
def straight(
    norm: Norm,
    eps: float,
    shape: tuple[int, int, int] = SHAPE,
    classes: int = 10,
    n: int = 47,
    seed: int = 1,
    corners: bool = True,
) -> Canary:
    """A linear classifier with uneven weights; the classes beyond the second are out of reach.

    With `corners` a quarter of the images are black and white; without, all are grey, and the box is far away.
    """
    chance = np.random.default_rng(seed)
    pixels = int(np.prod(shape))
    weight = chance.normal(size=(classes, pixels)) * 10.0 ** chance.uniform(-0.7, 0.7, (classes, pixels))
    slope = weight[1] - weight[0]
    reach = _gain(norm, slope, np.full(pixels, 0.5), eps)
    weight *= 4.0 / reach  # logits that a change of eps gains: enough to see, too few to saturate a softmax
    slope, bias = weight[1] - weight[0], np.zeros(classes)
    grey = 0.4 if corners else 0.1
    images = np.stack([_placed(chance, norm, slope, eps, grey, corners and i % 4 == 3) for i in range(n)])
    logits = images @ weight.T
    bias[2:] = (np.minimum(logits[:, 0], logits[:, 1])[:, None] - logits[:, 2:] - 9.0).min(0) if classes > 2 else 0.0
    pixels_of = torch.from_numpy(images).float()
    exact = pixels_of.double().numpy()
    labels = (exact @ weight.T + bias).argmax(1)
    radius = [smallest_eps(norm, weight, bias, image, int(label)) for image, label in zip(exact, labels, strict=True)]
    return Canary(
        f"linear, {classes} classes" + ("" if shape == SHAPE else f", {'×'.join(map(str, shape))}"),
        linear(weight, bias),
        pixels_of.reshape(-1, *shape),
        torch.from_numpy(labels),
        norm,
        eps,
        np.array(radius),
    )


@lru_cache(maxsize=16)
def level(norm: Norm, eps: float, n: int = 32, seed: int = 7) -> Canary:
    """A linear classifier of four classes that are all near each other: here the losses go different ways.

    Each image's smallest eps is that toward its nearest class.
    """
    chance = np.random.default_rng(seed)
    pixels, classes = int(np.prod(SHAPE)), 4
    weight = chance.normal(size=(classes, pixels))
    weight *= 2.0 / _gain(norm, weight[1] - weight[0], np.full(pixels, 0.5), eps)
    images = torch.from_numpy(chance.uniform(0.2, 0.8, (40 * n, pixels))).float()
    bias = -(images.double().numpy() @ weight.T).mean(0)
    logits = images.double().numpy() @ weight.T + bias
    spread = np.sort(logits, 1)
    near = np.argsort(spread[:, -1] - spread[:, 0])[:n]
    labels = logits[near].argmax(1)
    exact = images[torch.from_numpy(near)].double().numpy()
    radius = [smallest_eps(norm, weight, bias, image, int(label)) for image, label in zip(exact, labels, strict=True)]
    return Canary(
        "four near classes",
        linear(weight, bias),
        images[torch.from_numpy(near)].reshape(n, *SHAPE),
        torch.from_numpy(labels),
        norm,
        eps,
        np.array(radius),
    )


@lru_cache(maxsize=16)
def pale(eps: float, n: int = 16, seed: int = 8) -> Canary:
    """A linear classifier of two classes, and images of one class with less contrast than eps has, in linf."""
    chance = np.random.default_rng(seed)
    pixels = int(np.prod(SHAPE))
    slope = chance.normal(size=pixels)
    slope *= 4.0 / (eps * np.abs(slope).sum())
    weight = np.stack([-slope / 2, slope / 2])
    images = torch.from_numpy(chance.uniform(0.5 - eps / 8, 0.5 + eps / 8, (n, pixels))).float()
    bias = np.array([1.2, -1.2]) - weight @ np.full(pixels, 0.5)  # in logits, of which eps gains four
    radius = [smallest_eps("linf", weight, bias, image, 0) for image in images.double().numpy()]
    labels = torch.zeros(n, dtype=torch.int64)
    net = linear(weight, bias)
    return Canary("little contrast", net, images.reshape(n, *SHAPE), labels, "linf", eps, np.array(radius))


@lru_cache(maxsize=16)
def scattered(norm: Norm, eps: float, n: int = 20, seed: int = 11) -> Canary:
    """A linear classifier of five classes, and images of which each has exactly one other class within eps."""
    chance = np.random.default_rng(seed)
    pixels, classes = int(np.prod(SHAPE)), 5
    weight = chance.normal(size=(classes, pixels))
    weight *= 4.0 / _gain(norm, weight[1] - weight[0], np.full(pixels, 0.5), eps)
    back, images, labels, radius = np.linalg.pinv(weight), [], [], []
    for label, goal in ([(a, b) for a in range(classes) for b in range(classes) if a != b] * 2)[:n]:
        behind = np.full(classes, 9.0)  # in logits, of which eps gains about four
        behind[label], behind[goal] = 0.0, chance.uniform(2.2, 3.0)
        image = chance.uniform(0.4, 0.6, pixels)
        image += back @ (-behind + behind.mean() - weight @ image)
        image = image.clip(0, 1).astype(np.float32).astype(float)
        logits = weight @ image
        ways = {
            other: SMALLEST[norm](weight[other] - weight[label], image, logits[label] - logits[other])
            for other in range(classes)
            if other != label
        }
        least = ways.pop(goal)
        if int(logits.argmax()) == label and least <= 0.85 * eps and min(ways.values()) > 1.1 * eps:
            images.append(image)
            labels.append(label)
            radius.append(least)
    return Canary(
        "five classes, one within reach",
        linear(weight, np.zeros(classes)),
        torch.from_numpy(np.array(images)).float().reshape(-1, *SHAPE),
        torch.tensor(labels),
        norm,
        eps,
        np.array(radius),
    )


def _gain(norm: Norm, slope: np.ndarray, room: np.ndarray, eps: float) -> float:
    """The most that a change of eps can gain along the slope, with that room at each pixel."""
    slope = np.abs(slope)
    if norm == "linf":
        return float(slope @ np.minimum(eps, room))
    if norm == "l1":
        steepest = np.argsort(-slope)
        before = np.cumsum(room[steepest]) - room[steepest]
        return float(slope[steepest] @ np.clip(eps - before, 0, room[steepest]))
    low, high = 0.0, 1.0 / float(slope[slope > 0].min())
    for _ in range(60):
        middle = (low + high) / 2
        within = float(np.linalg.norm(np.minimum(middle * slope, room))) <= eps
        low, high = (middle, high) if within else (low, middle)
    return float(slope @ np.minimum(low * slope, room))


def _placed(
    chance: np.random.Generator, norm: Norm, slope: np.ndarray, eps: float, grey: float, binary: bool
) -> np.ndarray:
    """An image at a random distance from the boundary, on a random side of it: black and white, or as far from grey."""
    side, wanted, pixels = chance.choice([-1.0, 1.0]), float(np.exp(chance.uniform(*np.log(SPREAD)))), len(slope)
    if binary:  # turn pixels over, the flattest first, until it is as near
        image = chance.integers(0, 2, pixels).astype(float)
        aim = _gain(norm, slope, np.full(pixels, 1.0), wanted * eps) * 0.5
    else:
        image = chance.uniform(0.5 - grey, 0.5 + grey, pixels)
        aim = _gain(norm, slope, np.full(pixels, 0.5), wanted * eps)
    for _ in range(200):
        off = float(slope @ image) - side * aim
        if abs(off) <= 0.05 * aim:
            break
        if binary:
            helps = np.flatnonzero((slope * (1 - 2 * image)) * off < 0)
            near = helps[np.argsort(np.abs(np.abs(slope[helps]) - min(abs(off), np.abs(slope).max())))]
            if not len(near) or np.abs(slope[near[0]]) > 2 * abs(off):
                break
            image[near[0]] = 1 - image[near[0]]
        else:
            image = np.clip(image - 0.7 * off * slope / (slope @ slope), 0, 1)
    return image


@lru_cache(maxsize=16)
def bent(norm: Norm, eps: float, need: float = 3.5, n: int = 24, seed: int = 2, others: int = 8) -> Canary:
    """Keys on images of soft noise. All are breakable at eps, and none by fewer than four steps."""
    chance = np.random.default_rng(seed)
    pixels, blocks = int(np.prod(SHAPE)), len(Keys.WORTH)
    order = chance.permutation(pixels)[: pixels // (2 * blocks) * 2 * blocks].reshape(blocks, -1)
    patterns = np.zeros((blocks, pixels))
    for block, own in zip(patterns, order, strict=True):
        block[own] = np.where(np.arange(len(own)) % 2, 1.0, -1.0)
    length = np.linalg.norm(patterns[0], ord=DUAL[norm])
    room = max(0.02, 0.45 - {"linf": eps, "l2": 2.5 * eps / pixels**0.5, "l1": 0.1}[norm])
    images = np.full((n, pixels), 0.5) + chance.uniform(-room, room, (n, pixels))
    for own in order:  # a pattern's two signs lie on equal grey: each image starts at zero
        images[:, own[1::2]] = images[:, own[::2]]
    scale = 1.0 if norm == "linf" else len(Keys.WORTH) ** 0.5  # in l2 the directions share one budget
    net = Keys(torch.from_numpy(patterns * scale / (length * eps)).float(), torch.full(SHAPE, 0.5), need, others)
    return Canary(
        "hidden directions",
        net,
        torch.from_numpy(images).float().reshape(n, *SHAPE),
        torch.zeros(n, dtype=torch.int64),
        norm,
        eps,
        np.full(n, 0.5 * eps),
    )


@lru_cache(maxsize=16)
def peaked(norm: Norm, eps: float, fall: float = 1.0, n: int = 16, seed: int = 3, others: int = 8) -> Canary:
    """Tent on images of soft noise; behind its peak it falls `fall` times as steeply as it has risen."""
    soft = bent(norm, eps, n=n, seed=seed)
    pattern = torch.where(torch.arange(soft.images[0].numel()) % 2 == 0, 1.0, -1.0)
    length = np.linalg.norm(pattern.numpy(), ord=DUAL[norm])
    pattern = pattern / (float(length) * eps)
    images = soft.images.flatten(1)
    off = ((images - 0.5) @ pattern)[:, None] * pattern / (pattern @ pattern)
    images = (images - off).reshape(soft.images.shape).clamp(0, 1)
    net = Tent(pattern, torch.full(SHAPE, 0.5), fall, others)
    kept = (net(images).argmax(1) == 0).nonzero()[:, 0]
    return Canary("an answer in the middle", net, images, soft.labels, norm, eps, np.full(n, 0.4 * eps)).rows(kept)

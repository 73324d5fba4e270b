"""The noun of this folder: labelled images, with a fingerprint of what they are."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from assay.chance import permutation

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class ImageSet:
    """Images as uint8 `(N, C, H, W)`, labels as int64 `(N,)`, and index, each image's place in the whole split.

    The index travels with an image into every subset: it is what the image's chance is keyed by.
    Raises ValueError where images, labels and classes do not fit together.
    """

    name: str
    split: str
    classes: tuple[str, ...]
    images: UInt8[Tensor, "N C H W"]
    labels: Int64[Tensor, "N"]
    index: Int64[Tensor, "N"]

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.index):
            raise ValueError(f"{self.name}: {len(self.images)} images, but {len(self.labels)} labels")
        if len(self.labels) and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.classes):
            bad = int(self.labels[(self.labels < 0) | (self.labels >= len(self.classes))][0])
            raise ValueError(
                f"{self.name}: label {bad} is out of range, there are classes 0 to {len(self.classes) - 1}"
            )

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @cached_property
    def fingerprint(self) -> str:
        """A hash of content: shape, pixels, labels, class names."""
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.classes)).encode())
        digest.update(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    def rows(self, rows: Tensor | slice) -> "ImageSet":
        """Some of the images."""
        return replace(self, images=self.images[rows], labels=self.labels[rows], index=self.index[rows])

    def first(self, n: int) -> "ImageSet":
        """The first n of the stratified order: every class in proportion, and n images are among n + 1."""
        if not 1 <= n <= len(self):
            raise ValueError(f"{self.name} {self.split}: between 1 and {len(self)} images can be taken, got {n}")
        return self.rows(stratified(self.labels)[:n].sort().values)

    def pixels(self, device: torch.device | str = "cpu") -> Float[Tensor, "N C H W"]:
        """The images as float32 in [0, 1]."""
        return self.images.to(device).float() / 255

    def mean_and_spread(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, in pixels of [0, 1]."""
        channels = self.images.transpose(0, 1).flatten(1)
        counts = torch.stack([torch.bincount(channel, minlength=256) for channel in channels]).double()
        levels, counts = torch.arange(256).double() / 255, counts / counts.sum(1, keepdim=True)
        mean = (counts * levels).sum(1)
        spread = (counts * (levels - mean[:, None]).square()).sum(1).sqrt()
        return mean.tolist(), spread.tolist()


def stratified(labels: Int64[Tensor, "N"]) -> Int64[Tensor, "N"]:
    """A fixed random order in which every beginning holds each class in proportion."""
    order = permutation(len(labels), 0, "stratified")
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        rows = order[labels[order] == label]
        place[rows] = (torch.arange(len(rows), dtype=torch.float64) + 0.5) / len(rows)
    return order[torch.argsort(place[order], stable=True)]


def carve(whole: ImageSet, shares: dict[str, int], split: str) -> ImageSet:
    """One of several disjoint stratified parts, whose sizes `shares` gives in order. An index counts in the whole."""
    order, start = stratified(whole.labels), 0
    assert sum(shares.values()) <= len(whole), "more asked for than there is"
    for name, size in shares.items():
        if name == split:
            return replace(whole.rows(order[start : start + size].sort().values), split=split)
        start += size
    raise KeyError(split)

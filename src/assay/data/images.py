"""The noun of this folder: labelled images, with a fingerprint of what they are."""

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from assay.chance import permutation

SPLITS = ("train", "validation", "test")
PIECE = 1 << 24  # bytes of images that are looked at in one go: memory stays flat


@dataclass(frozen=True)
class ImageSet:
    """Images as uint8 `(N, C, H, W)`, labels as int64 `(N,)`, and index, each image's place in the whole split.

    The index travels with an image into every subset: it is what the image's chance is keyed by. `content` is the
    fingerprint where it is known beforehand; `notes` are what a person should hear of how the images came to be.
    Raises ValueError where images, labels and classes do not fit together, or a class has no name to print.
    """

    name: str
    split: str
    classes: tuple[str, ...]
    images: UInt8[Tensor, "N C H W"]
    labels: Int64[Tensor, "N"]
    index: Int64[Tensor, "N"]
    content: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.index):
            raise ValueError(f"{self.name}: {len(self.images)} images, but {len(self.labels)} labels")
        check_classes(self.name, self.classes)
        check_labels(self.name, self.labels, len(self.classes))

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
        if self.content:
            return self.content
        digest = hashlib.sha256(repr((tuple(self.images.shape), self.classes)).encode())
        digest.update(self.images.contiguous().numpy().data)
        digest.update(self.labels.contiguous().numpy().data)
        return digest.hexdigest()[:16]

    @cached_property
    def prints(self) -> Int64[Tensor, "N"]:
        """Eight bytes of a hash of each image's pixels: two images with the same are the same picture."""
        hashes = (
            hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in self.images.contiguous().numpy()
        )
        return torch.frombuffer(bytearray(b"".join(hashes)), dtype=torch.int64)

    def rows(self, rows: Tensor | slice) -> "ImageSet":
        """Some of the images."""
        return replace(self, images=self.images[rows], labels=self.labels[rows], index=self.index[rows], content="")

    def first(self, n: int) -> "ImageSet":
        """The first n of the stratified order: every class in proportion, and n images are among n + 1."""
        if not 1 <= n <= len(self):
            raise ValueError(f"{self.name} {self.split}: between 1 and {len(self)} images can be taken, got {n}")
        return self if n == len(self) else self.rows(stratified(self.labels)[:n].sort().values)

    def drawn(self, n: int, seed: int) -> "ImageSet":
        """n images at random, in their order: a sample of all of them, where `first` is one of equal classes."""
        if not 1 <= n <= len(self):
            raise ValueError(f"{self.name} {self.split}: between 1 and {len(self)} images can be drawn, got {n}")
        return self if n == len(self) else self.rows(permutation(len(self), seed, "sample")[:n].sort().values)

    def named(self, classes: Sequence[str]) -> "ImageSet":
        """The same images with the same classes in another order. ValueError if they are not the same."""
        if tuple(classes) == self.classes:
            return self
        if sorted(classes) != sorted(self.classes):
            raise ValueError(f"{self.name} has the classes {_listed(self.classes)}; the model knows {_listed(classes)}")
        place = torch.tensor([list(classes).index(name) for name in self.classes])
        return replace(self, classes=tuple(classes), labels=place[self.labels], content="")

    def pixels(self, device: torch.device | str = "cpu") -> Float[Tensor, "N C H W"]:
        """The images as float32 in [0, 1]."""
        return self.images.to(device).float() / 255

    def mean_and_spread(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel, in pixels of [0, 1]."""
        counts = torch.zeros(self.shape[0], 256, dtype=torch.int64)
        for piece in self.images.split(max(1, PIECE // self.images[0].numel())):
            channels = piece.transpose(0, 1).flatten(1)
            counts += torch.stack([torch.bincount(channel, minlength=256) for channel in channels])
        shares, levels = counts / counts.sum(1, keepdim=True).double(), torch.arange(256).double() / 255
        mean = (shares * levels).sum(1)
        spread = (shares * (levels - mean[:, None]).square()).sum(1).sqrt()
        return mean.tolist(), spread.tolist()


def check_classes(name: str, classes: Sequence[str]) -> None:
    """ValueError for a class without a name, or with one that a terminal would obey instead of print."""
    for text in classes:
        if not text.strip() or any(unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
            raise ValueError(f"{name}: a class is called {ascii(text)[:100]}: printable text wanted")
    if len(set(classes)) < len(classes):
        twice = next(text for text in classes if list(classes).count(text) > 1)
        raise ValueError(f"{name}: two classes are called {twice!r}")


def check_labels(name: str, labels: Int64[Tensor, "N"], classes: int) -> None:
    """ValueError, naming the first, for labels that are no class."""
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        bad = int(labels[(labels < 0) | (labels >= classes)][0])
        raise ValueError(f"{name}: label {bad} is out of range, there are classes 0 to {classes - 1}")


def stratified(labels: Int64[Tensor, "N"]) -> Int64[Tensor, "N"]:
    """A fixed random order in which every beginning holds each class in proportion."""
    order = permutation(len(labels), 0, "stratified")
    place = torch.empty(len(labels), dtype=torch.float64)
    for label in labels.unique():
        rows = order[labels[order] == label]
        place[rows] = (torch.arange(len(rows), dtype=torch.float64) + 0.5) / len(rows)
    return order[torch.argsort(place[order], stable=True)]


def carve(labels: Int64[Tensor, "N"], shares: dict[str, int]) -> dict[str, Int64[Tensor, "n"]]:
    """The rows of disjoint stratified parts, whose sizes `shares` gives in order; each part's rows ascend."""
    assert sum(shares.values()) <= len(labels), "more asked for than there is"
    parts = stratified(labels)[: sum(shares.values())].split(list(shares.values()))
    return {name: rows.sort().values for name, rows in zip(shares, parts, strict=True)}


def part(whole: ImageSet, shares: dict[str, int], split: str) -> ImageSet:
    """One of the parts that `carve` makes of a set. An index counts in the whole."""
    return replace(whole.rows(carve(whole.labels, shares)[split]), split=split)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

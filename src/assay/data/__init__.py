"""A picture comes in: one file for each source, with one function named like it, split -> ImageSet."""

import inspect
import os
from pathlib import Path

from assay.data.decoded import Wish
from assay.data.images import SPLITS, ImageSet
from assay.spec import Folder, pick

__all__ = ["DATA", "SPLITS", "ImageSet", "Wish", "load", "settled", "spoken", "takes_path"]

HELPERS = ("augment", "cifar", "decode", "decoded", "describe", "download", "idx", "images", "kept")
DATA = Folder("assay.data", helpers=HELPERS)


def load(name: str, split: str, images: int | None = None, wish: Wish | None = None) -> ImageSet:
    """The split (train, validation or test) of a data set, or the first `images` of its stratified order.

    `wish` is for folder:PATH and parquet:PATH, whose images can be had in any size. Raises ValueError for a name or
    split that is not there, or files that are missing or damaged.
    """
    pick(split, dict.fromkeys(SPLITS), "split")
    kind, _, path = settled(name).partition(":")
    source = pick(kind, {spoken(key): key for key in DATA}, "data set")
    function, wish = DATA[source], wish or Wish()
    if takes_path(source):
        if not path:
            raise ValueError(f"{kind} needs a path: {kind}:PATH")
        found: ImageSet = function(split, Path(path), wish)
    elif path:
        raise ValueError(f"{kind} takes no path, got {name!r}")
    else:
        found = function(split)
    return found if images is None else found.first(images)


def takes_path(key: str) -> bool:
    """Whether a source is any files of the user's: kind:PATH."""
    return "path" in inspect.signature(DATA[key]).parameters


def settled(name: str) -> str:
    """The same name from wherever it is read: a path in it is whole."""
    kind, colon, path = name.partition(":")
    return f"{kind}:{os.path.realpath(os.path.expanduser(path))}" if colon and path else name


def spoken(key: str) -> str:
    """A source's name as it is typed: fashion-mnist for the file fashion_mnist."""
    return key.replace("_", "-")

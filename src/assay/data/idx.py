"""IDX, the file format of MNIST (LeCun 1998): a magic number, the sizes, then the bytes; plain or gzipped."""

import gzip
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from assay.data.download import download, find
from assay.data.images import ImageSet, part
from assay.files import reason

UNSIGNED_BYTES = 0x08


def idx_set(
    name: str, files: Mapping[str, str], mirrors: Sequence[str], classes: tuple[str, ...], split: str
) -> ImageSet:
    """A split of MNIST or of a set in its form: 55 000 train and 5 000 validation of 60 000, 10 000 test."""
    if any(find(name, file) is None for file in files):
        download(name, files, mirrors)
    if split == "test":
        return _whole(name, classes, "t10k", split)
    return part(_whole(name, classes, "train", "whole"), {"validation": 5000, "train": 55000}, split)


def _whole(name: str, classes: tuple[str, ...], prefix: str, split: str) -> ImageSet:
    paths = [find(name, f"{prefix}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")]
    assert paths[0] is not None
    assert paths[1] is not None
    n = 60000 if prefix == "train" else 10000
    images, labels = read_idx(paths[0], (n, 28, 28)), read_idx(paths[1], (n,))
    return ImageSet(
        name=name,
        split=split,
        classes=classes,
        images=torch.from_numpy(images.copy())[:, None],
        labels=torch.from_numpy(labels.astype(np.int64)),
        index=torch.arange(len(images)),
    )


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """An array of uint8 of that shape. Raises ValueError, naming the file, when it is anything else.

    No more is read than the shape wants: a header cannot ask for memory, and a gzip bomb ends there.
    """
    open_file = gzip.open if path.suffix == ".gz" else open
    header, size = 4 + 4 * len(shape), math.prod(shape)
    try:
        with open_file(path, "rb") as file:
            head = file.read(header)
            if len(head) < header:
                raise ValueError(f"{path} is truncated: {len(head)} bytes of header, {header} wanted")
            zero, kind, rank = struct.unpack(">HBB", head[:4])
            if (zero, kind, rank) != (0, UNSIGNED_BYTES, len(shape)):
                begins = head.hex()[:8]
                raise ValueError(f"{path} is no IDX file of bytes in {len(shape)} dimensions: it begins {begins}")
            found = struct.unpack(f">{len(shape)}I", head[4:])
            if found != shape:
                raise ValueError(f"{path} says that it holds {_times(found)} bytes, {_times(shape)} wanted")
            body = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {getattr(error, 'strerror', None) or reason(error)}") from error
    if len(body) != size:
        wrong = "longer than its header says" if len(body) > size else "truncated"
        raise ValueError(f"{path} is {wrong}: {size} bytes wanted, got {len(body)}{'+' * (len(body) > size)}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))

"""MNIST: 70 000 handwritten digits of 28×28 pixels."""

import numpy as np
import torch

from assay.data.download import download, find
from assay.data.idx import read_idx
from assay.data.images import ImageSet, carve

FILES = {  # md5 of the gzipped files as published
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
}
MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist")


def mnist(split: str) -> ImageSet:
    """LeCun, Cortes and Burges 1998. 55 000 train and 5 000 validation of the published 60 000, 10 000 test.

    A local copy is checked for structure, a download for its published hash.
    """
    if any(find("mnist", file) is None for file in FILES):
        download("mnist", FILES, MIRRORS)
    if split == "test":
        return _read("t10k", split)
    return carve(_read("train", "whole"), {"validation": 5000, "train": 55000}, split)


def _read(part: str, split: str) -> ImageSet:
    paths = [find("mnist", f"{part}-{kind}-ubyte.gz") for kind in ("images-idx3", "labels-idx1")]
    assert paths[0] is not None
    assert paths[1] is not None
    n = 60000 if part == "train" else 10000
    images, labels = read_idx(paths[0], (n, 28, 28)), read_idx(paths[1], (n,))
    return ImageSet(
        name="mnist",
        split=split,
        classes=tuple("0123456789"),
        images=torch.from_numpy(images.copy())[:, None],
        labels=torch.from_numpy(labels.astype(np.int64)),
        index=torch.arange(len(images)),
    )

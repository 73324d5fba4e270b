"""MNIST: 70 000 handwritten digits of 28×28 pixels."""

from assay.data.idx import idx_set
from assay.data.images import ImageSet

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
    return idx_set("mnist", FILES, MIRRORS, tuple("0123456789"), split)

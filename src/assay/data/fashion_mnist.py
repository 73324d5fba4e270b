"""Fashion-MNIST: 70 000 pictures of clothes, 28×28 pixels, made to be harder than MNIST in the same files."""

from assay.data.idx import idx_set
from assay.data.images import ImageSet

FILES = {  # md5 of the gzipped files as published
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
MIRRORS = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",)
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


def fashion_mnist(split: str) -> ImageSet:
    """Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747. 55 000 train, 5 000 validation, 10 000 test, as for MNIST.

    A local copy is checked for structure, a download for its published hash.
    """
    return idx_set("fashion-mnist", FILES, MIRRORS, CLASSES, split)

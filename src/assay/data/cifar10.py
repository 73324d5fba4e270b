"""CIFAR-10: 60 000 colour photographs of 32×32 pixels, 10 classes of things that move."""

from assay.data.cifar import Archive, cifar
from assay.data.images import ImageSet

ARCHIVE = Archive(
    file="cifar-10-binary.tar.gz",
    md5="c32a1d4ab5d03f1284b67883e8d87530",
    folder="cifar-10-batches-bin",
    parts={"train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)), "test": ("test_batch.bin",)},
    labels=1,
    names="batches.meta.txt",
)


def cifar10(split: str) -> ImageSet:
    """Krizhevsky 2009, "Learning multiple layers of features from tiny images". 40 000 train, 10 000 validation, 10 000
    test; from the published binary archive, or from Parquet files in its place."""
    return cifar("cifar10", ARCHIVE, split)

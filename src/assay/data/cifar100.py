"""CIFAR-100: 60 000 colour photographs of 32×32 pixels, 100 classes."""

from assay.data.cifar import Archive, cifar
from assay.data.images import ImageSet

ARCHIVE = Archive(
    file="cifar-100-binary.tar.gz",
    md5="03b5dce01913d631647c71ecec9e9cb8",
    folder="cifar-100-binary",
    parts={"train": ("train.bin",), "test": ("test.bin",)},
    labels=2,  # the coarse one first
    names="fine_label_names.txt",
)


def cifar100(split: str) -> ImageSet:
    """Krizhevsky 2009, with its fine labels. 40 000 train, 10 000 validation, 10 000 test; from the published binary
    archive, or from Parquet files in its place."""
    return cifar("cifar100", ARCHIVE, split)

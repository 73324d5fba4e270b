"""A picture comes in: one file for each source, with one function named like it, split -> ImageSet."""

from assay.data.images import SPLITS, ImageSet
from assay.spec import Folder, pick, read

__all__ = ["DATA", "SPLITS", "ImageSet", "load"]

DATA = Folder("assay.data", helpers=("download", "idx", "images"))


def load(name: str, split: str, images: int | None = None) -> ImageSet:
    """The split (train, validation or test) of a data set, or the first `images` of its stratified order.

    Raises ValueError for a name or split that is not there, or files that are missing or damaged.
    """
    pick(split, dict.fromkeys(SPLITS), "split")
    found: ImageSet = read(name, DATA, "data set").function(split)
    return found if images is None else found.first(images)

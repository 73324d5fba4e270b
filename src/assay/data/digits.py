"""1 797 handwritten digits of 8×8 pixels, which scikit-learn carries: no download, no file."""

import numpy as np
import torch
from sklearn.datasets import load_digits

from assay.data.images import ImageSet, part


def digits(split: str) -> ImageSet:
    """Alpaydin and Kaynak 1998 (UCI, doi 10.24432/C50P49); 17 grey levels, scaled to uint8.

    The source has no split of its own: 1 257 train, 180 validation, 360 test.
    """
    source = load_digits()
    images = torch.from_numpy(np.round(source.images * (255 / 16)).astype(np.uint8))[:, None]
    whole = ImageSet(
        name="digits",
        split="whole",
        classes=tuple("0123456789"),
        images=images,
        labels=torch.from_numpy(source.target.astype(np.int64)),
        index=torch.arange(len(images)),
    )
    return part(whole, {"test": 360, "validation": 180, "train": 1257}, split)

"""What there is to say of a data set before anything is learnt from it, and a sheet of its images."""

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor

from assay.data.images import ImageSet

TILES, OF_A_CLASS = 200, 8  # at most, on a contact sheet
SIDE = 64  # pixels of its largest tiles


def describe(splits: Mapping[str, ImageSet]) -> dict[str, Any]:
    """Task, inputs, outputs, and for each split counts, mean and standard deviation of each channel in [0, 1]."""
    first = next(iter(splits.values()))
    seen = splits["train"].prints if "train" in splits else torch.zeros(0, dtype=torch.int64)
    mean, spread = first.mean_and_spread()
    return {
        "name": first.name,
        "task": "supervised classification",
        "shape": list(first.shape),
        "features": first.images[0].numel(),
        "classes": list(first.classes),
        "mean": mean,
        "std": spread,
        "splits": {
            split: {
                "images": len(images),
                "fingerprint": images.fingerprint,
                "per_class": images.labels.bincount(minlength=len(images.classes)).tolist(),
                "also_in_train": 0 if split == "train" else int(torch.isin(images.prints, seen).sum()),
            }
            for split, images in splits.items()
        },
    }


def warnings(about: Mapping[str, Any]) -> list[str]:
    """What makes a number on these data wrong, whatever the model."""
    return [
        f"{about['name']}: {part['also_in_train']} of {part['images']} {split} images are also among those to train on"
        for split, part in about["splits"].items()
        if part["also_in_train"]
    ]


def contact_sheet(images: ImageSet) -> UInt8[Tensor, "K n C h w"]:
    """The first images of each class, made small; black where a class has fewer. Of very many classes only some."""
    classes = min(len(images.classes), TILES)
    n = max(1, min(OF_A_CLASS, TILES // classes))
    scale = min(1.0, SIDE / max(images.shape[1:]))
    height, width = (max(1, round(side * scale)) for side in images.shape[1:])
    sheet = torch.zeros(classes, n, images.shape[0], height, width, dtype=torch.uint8)
    for label in range(classes):
        some = images.images[(images.labels == label).nonzero()[:n, 0]]
        if len(some):
            small = some if scale == 1 else F.interpolate(some.float(), (height, width), mode="area").round().byte()
            sheet[label, : len(some)] = small
    return sheet

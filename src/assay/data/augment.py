"""Augmentation: small changes that do not change the class, made on whole batches where they are, each by its chance.

change(images, draws, epoch, *, settings) -> images        float or uint8 (B, C, H, W), as it came
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Shaped
from torch import Tensor

from assay.chance import Draws
from assay.spec import Count

Images = Shaped[Tensor, "B C H W"]
Fill = Literal["black", "mirror"]


def flip(images: Images, draws: Draws, epoch: int) -> Images:
    """Every second image mirrored, left to right; which, is drawn in every epoch."""
    return _mirrored(images, draws.integers(2, (1, 1, 1), "flip", epoch).bool())


def alternating_flip(images: Images, draws: Draws, epoch: int) -> Images:
    """Each image mirrored in every second epoch: two epochs show both sides of all (Jordan 2024, arXiv 2404.00498)."""
    return _mirrored(images, (draws.integers(2, (1, 1, 1), "flip") + epoch) % 2 == 1)


def shift(images: Images, draws: Draws, epoch: int, *, pixels: Count = 4, fill: Fill = "black") -> Images:
    """Each image moved by up to so many pixels in both directions; what comes in is black, or the image mirrored.

    The same as a crop of the padded image (Krizhevsky 2012).
    """
    height, width = images.shape[2:]
    _fits("shift: pixels", pixels, min(height, width) - 1)
    down, right = draws.integers(2 * pixels + 1, (2,), "shift", epoch).unbind(1)
    rows = down[:, None] + torch.arange(height, device=images.device)
    columns = right[:, None] + torch.arange(width, device=images.device)
    padded = F.pad(images, (pixels,) * 4) if fill == "black" else _mirror_padded(images, pixels)
    tall = padded.gather(2, rows[:, None, :, None].expand(-1, images.shape[1], -1, padded.shape[3]))
    return tall.gather(3, columns[:, None, None, :].expand(-1, images.shape[1], height, -1))


def cutout(images: Images, draws: Draws, epoch: int, *, size: Count = 8) -> Images:
    """In each image a black square with its centre anywhere (DeVries and Taylor 2017, arXiv 1708.04552)."""
    height, width = images.shape[2:]
    _fits("cutout: size", size, min(height, width) - 1)
    top = draws.integers(height, (1, 1, 1), "cutout", "top", epoch) - size // 2
    left = draws.integers(width, (1, 1, 1), "cutout", "left", epoch) - size // 2
    row = torch.arange(height, device=images.device)[:, None]
    column = torch.arange(width, device=images.device)
    covered = (row >= top) & (row < top + size) & (column >= left) & (column < left + size)
    return images.masked_fill(covered, 0)


def _mirrored(images: Images, which: Tensor) -> Images:
    return torch.where(which, images.flip(3), images)


def _mirror_padded(images: Tensor, pixels: int) -> Tensor:
    """By indices, since torch's own reflection refuses uint8."""
    for axis in (2, 3):
        places = torch.arange(-pixels, images.shape[axis] + pixels, device=images.device).abs()
        last = images.shape[axis] - 1
        images = images.index_select(axis, last - (last - places).abs())
    return images


def _fits(what: str, value: int, most: int) -> None:
    if value > most:
        raise ValueError(f"{what} must be at most {most} for these images, got {value}")


AUGMENT: dict[str, Callable[..., Images]] = {
    change.__name__: change for change in (alternating_flip, cutout, flip, shift)
}

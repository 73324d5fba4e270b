"""What turning and shifting share: images read at other places, and what lies beyond their edge."""

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor


def mirrored(places: Int64[Tensor, "*n"], size: int) -> Int64[Tensor, "*n"]:
    """Places of an axis, those beyond its ends mirrored at the end pixels: … 2 1 | 0 1 2 … (scipy's "mirror").

    A black frame would be a thing in the picture, which no model has learnt; a mirrored edge is more of the same.
    """
    if size == 1:
        return torch.zeros_like(places)
    places = places.abs() % (2 * size - 2)
    return torch.where(places < size, places, 2 * size - 2 - places)


def read(
    images: Float[Tensor, "B C H W"], rows: Shaped[Tensor, "B H W"], columns: Shaped[Tensor, "B H W"]
) -> Float[Tensor, "B C H W"]:
    """Each image at other places `(row, column)`, in pixels, linear between the four pixels around each place."""
    height, width = images.shape[2:]
    top, left = rows.floor(), columns.floor()
    down, across = ((rows - top)[:, None].to(images), (columns - left)[:, None].to(images))
    flat, found = images.flatten(2), torch.zeros_like(images)
    for below in (0, 1):
        for beside in (0, 1):
            row, column = mirrored(top.long() + below, height), mirrored(left.long() + beside, width)
            place = (row * width + column).flatten(1)[:, None].expand(-1, images.shape[1], -1)
            weight = (down if below else 1 - down) * (across if beside else 1 - across)
            found = found + weight * flat.gather(2, place).reshape(images.shape)
    return found.clamp(0, 1)

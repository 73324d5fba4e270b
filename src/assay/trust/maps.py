"""A map as an order of pixels, and how alike two maps are."""

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float64, Int64
from scipy.stats import rankdata
from torch import Tensor

from assay.explain import Explanation, Important


def importance(found: Explanation, important: Important) -> Float[Tensor, "B h w"]:
    """The method's own map, turned so that what is important is high."""
    own = next(iter(found.maps.values())).float()
    return own.abs() if important == "size" else -own if important == "low" else own


def on_pixels(
    values: Float[Tensor, "B h w"], size: tuple[int, int], window: tuple[int, int] | None
) -> Float[Tensor, "B H W"]:
    """A smaller map on the pixels: bilinear, or with a window the mean over the squares that cover a pixel.

    window is the side and the step of the squares. Pixels that none covers get the lowest value of the map.
    """
    if values.shape[1:] == size:
        return values
    if window is None:
        return F.interpolate(values[:, None], size, mode="bilinear", align_corners=False)[:, 0]
    side, step = window
    squares = torch.ones(1, 1, side, side, dtype=values.dtype, device=values.device)
    total = F.conv_transpose2d(values[:, None], squares, stride=step)
    count = F.conv_transpose2d(torch.ones_like(values[:1, None]), squares, stride=step)
    right, below = size[1] - total.shape[3], size[0] - total.shape[2]
    spread = F.pad(total / count, (0, right, 0, below), value=float("nan"))[:, 0]
    lowest = values.flatten(1).amin(1)[:, None, None]
    return torch.where(spread.isnan(), lowest, spread)


def places(values: Float[Tensor, "B H W"], ties: Float[Tensor, "B H W"]) -> Int64[Tensor, "B H W"]:
    """The place of each pixel, the most important first; where two are equal, the larger of `ties` comes first."""
    keys = (-ties.flatten(1).cpu().numpy(), -values.flatten(1).cpu().numpy())
    order = np.lexsort(keys, axis=1)
    found = np.empty_like(order)
    np.put_along_axis(found, order, np.arange(order.shape[1])[None].repeat(len(order), 0), 1)
    return torch.from_numpy(found).view(values.shape).to(values.device)


def alike(one: Float[Tensor, "B h w"], other: Float[Tensor, "B h w"]) -> Float64[np.ndarray, "B"]:
    """Spearman's rank correlation, image by image; two constant maps are the same, one alone is like no other."""
    ranks = [rankdata(each.flatten(1).nan_to_num().double().cpu().numpy(), axis=1) for each in (one, other)]
    first, second = (each - each.mean(1, keepdims=True) for each in ranks)
    spread = np.sqrt((first**2).sum(1) * (second**2).sum(1))
    both = ((first == 0).all(1)) & ((second == 0).all(1))
    found: np.ndarray = np.where(spread > 0, (first * second).sum(1) / np.where(spread > 0, spread, 1), both)
    return found

"""Linear classifiers whose smallest eps is known exactly, in float64 numpy, without a line of assay's geometry."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import nn

Norm = Literal["linf", "l2", "l1"]


def smallest_linf(weights: np.ndarray, image: np.ndarray, gain: float) -> float:
    """Smallest eps whose cube in the box holds a delta with weights · delta ≥ gain: water filling.

    A pixel moves by min(eps, room), so that the gain is piecewise linear in eps, with a corner at each room.
    """
    if gain <= 0:
        return 0.0
    room = np.where(weights > 0, 1 - image, image)
    slopes = np.abs(weights)
    if float(slopes @ room) < gain:
        return float("inf")
    low, reached = 0.0, 0.0
    for corner in np.unique(room):
        slope = float(slopes[room > low].sum())
        if slope > 0 and reached + slope * (corner - low) >= gain:
            return float(low + (gain - reached) / slope)
        reached, low = reached + slope * (corner - low), float(corner)
    return low


def smallest_l2(weights: np.ndarray, image: np.ndarray, gain: float) -> float:
    """The same for the Euclidean ball. The shortest such delta is min(scale · |weights|, room): bisect the scale."""
    if gain <= 0:
        return 0.0
    room = np.where(weights > 0, 1 - image, image)
    slopes = np.abs(weights)
    if float(slopes @ room) < gain:
        return float("inf")
    low, high = 0.0, 1.0 / float(slopes[slopes > 0].min())
    for _ in range(200):
        middle = (low + high) / 2
        enough = float(slopes @ np.minimum(middle * slopes, room)) >= gain
        low, high = (low, middle) if enough else (middle, high)
    return float(np.linalg.norm(np.minimum(high * slopes, room)))


def smallest_l1(weights: np.ndarray, image: np.ndarray, gain: float) -> float:
    """The same for the sum of changes: the steepest pixels first, each to the edge of the box."""
    if gain <= 0:
        return 0.0
    room = np.where(weights > 0, 1 - image, image)
    order = np.argsort(-np.abs(weights), kind="stable")
    spent, slopes = room[order], np.abs(weights)[order]
    gained = np.cumsum(slopes * spent)
    if gained[-1] < gain:
        return float("inf")
    last = int(np.searchsorted(gained, gain))  # the pixel that need not go all the way
    before = gained[last - 1] if last else 0.0
    return float(spent[:last].sum() + (gain - before) / slopes[last])


SMALLEST: dict[Norm, Callable[[np.ndarray, np.ndarray, float], float]] = {
    "linf": smallest_linf,
    "l2": smallest_l2,
    "l1": smallest_l1,
}


def smallest_eps(norm: Norm, weight: np.ndarray, bias: np.ndarray, image: np.ndarray, label: int) -> float:
    """Of an image, flat, the smallest eps at which any other class is level with its label."""
    logits = weight @ image + bias
    others = (other for other in range(len(weight)) if other != label)
    return min(SMALLEST[norm](weight[other] - weight[label], image, logits[label] - logits[other]) for other in others)


def linear(weight: np.ndarray, bias: np.ndarray) -> nn.Module:
    """logits = weight · pixels + bias, in float32."""
    layer = nn.Linear(weight.shape[1], len(weight))
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return nn.Sequential(nn.Flatten(), layer)

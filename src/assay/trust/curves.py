"""What deletion and insertion share: the probability of a class while pixels are replaced in some order."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.chance import Draws
from assay.explain.edges import sobel
from assay.trust import Arrays, Case
from assay.trust.maps import importance, on_pixels, places

STEPS = 24
MOVED = 3  # ways to move a map, whose curves are averaged: less of their own luck is in the comparison

Step = Callable[[Int64[Tensor, "B 1 H W"], int], Float[Tensor, "B C H W"]]


def curves(case: Case, name: str, step: Step) -> Arrays:
    """The curves `(B, STEPS + 1)` of the method, of an edge detector, of a random map, and of the method's map moved.

    step gives the images in which the first so many pixels, by their places, are done. Differs from the paper: there
    is no map to compare with. Pixels at random and a smooth map do not spoil an image alike; so what decides is the map
    itself, put elsewhere: as smooth, and about nothing.
    """
    size = (case.images.shape[2], case.images.shape[3])
    ties = case.draws.uniform(size, "ties")
    own = on_pixels(importance(case.found, case.facts.important), size, case.found.window)
    return {
        f"{name}.method": _curve(case, step, own, ties),
        f"{name}.edges": _known(case, f"{name}.edges", lambda: _curve(case, step, sobel(case.images), ties)),
        f"{name}.random": _known(case, f"{name}.random", lambda: _curve(case, step, ties, ties)),
        f"{name}.moved": _moved(case, step, own, ties),
    }


def _moved(case: Case, step: Step, own: Float[Tensor, "B H W"], ties: Float[Tensor, "B H W"]) -> np.ndarray:
    maps = [moved(own, case.draws, number) for number in range(MOVED)]
    found: np.ndarray = np.stack([_curve(case, step, values, ties) for values in maps]).mean(0)
    return found


def moved(own: Float[Tensor, "B H W"], draws: Draws, number: int) -> Float[Tensor, "B H W"]:
    """Each map around the corner, by a quarter to three quarters of the image both down and across."""
    height, width = own.shape[1:]
    shares = 0.25 + 0.5 * draws.uniform((2,), "moved", number)
    shifts = [(round(height * down), round(width * across)) for down, across in shares.tolist()]
    return torch.stack([each.roll(shift, (0, 1)) for each, shift in zip(own, shifts, strict=True)])


def _curve(case: Case, step: Step, values: Float[Tensor, "B H W"], ties: Float[Tensor, "B H W"]) -> np.ndarray:
    order = places(values, ties)[:, None]
    done = [round(number * values[0].numel() / STEPS) for number in range(STEPS + 1)]
    points = [case.probability(step(order, count)) for count in done]
    found: np.ndarray = torch.stack(points, 1).cpu().numpy()
    return found


def _known(case: Case, name: str, find: Callable[[], np.ndarray]) -> np.ndarray:
    """Once for all methods that explain the same classes of these images."""
    key = name, case.explained.cpu().numpy().tobytes()
    if key not in case.known:
        case.known[key] = find()
    return case.known[key]

"""What deletion and insertion share: the probability of a class while pixels are replaced in some order."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.explain.edges import sobel
from assay.trust import Arrays, Case
from assay.trust.maps import importance, on_pixels, places

STEPS = 24
RANDOM = 3  # random maps an image, whose curves are averaged: less of their own luck is in the comparison

Step = Callable[[Int64[Tensor, "B 1 H W"], int], Float[Tensor, "B C H W"]]


def curves(case: Case, name: str, step: Step) -> Arrays:
    """The curves `(B, STEPS + 1)` of the method, of an edge detector and of random maps.

    step gives the images in which the first so many pixels, by their places, are done.
    """
    size = (case.images.shape[2], case.images.shape[3])
    ties = case.draws.uniform(size, "ties")
    own = on_pixels(importance(case.found, case.facts.important), size, case.found.window)
    return {
        f"{name}.method": _curve(case, step, own, ties),
        f"{name}.edges": _known(case, f"{name}.edges", lambda: _curve(case, step, sobel(case.images), ties)),
        f"{name}.random": _known(case, f"{name}.random", lambda: _random(case, step, size)),
    }


def _random(case: Case, step: Step, size: tuple[int, int]) -> np.ndarray:
    maps = [case.draws.uniform(size, "random", number) for number in range(RANDOM)]
    return np.mean([_curve(case, step, values, values) for values in maps], 0, dtype=np.float32)


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

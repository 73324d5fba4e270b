"""What an attack may do to an image, measured with the contract's own ruler."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from assay.adversary.goal import Goal
from assay.spec import Call
from tests.contracts.geometry import LENGTH
from tests.contracts.play import away, facts, having, play, threat, to
from tests.contracts.worlds import SHAPE, Flat, Stubborn, chosen, corners, small_net

EPSILONS = {"linf": (1 / 255, 0.3), "l2": (0.05, 1.5), "l1": (0.05, 5.0)}


def check_stays_within_its_budget(call: Call) -> None:
    """One eps for all, on every kind of image, whatever the goal."""
    if facts(call).kind == "minimum":
        return
    for norm in facts(call).norms:
        for eps in EPSILONS[norm]:
            for images, points in _runs(call, norm, eps):
                over = LENGTH[norm](_deltas(points, images)).max() / (eps * (1 + 1e-6) + 1e-6)
                assert over <= 1, f"{norm}({eps:.3g}): {over:.6f} of the budget spent"


def check_stays_within_each_images_own_budget(call: Call) -> None:
    """eps as a tensor; where it is larger more is spent, where it is zero nothing."""
    if facts(call).kind == "minimum":
        return
    images, classifier = chosen(6), Stubborn()
    for norm in facts(call).norms:
        eps = np.array([0.0, 0.01, 0.05, 0.1, 0.2, 0.4])
        points = play(call, classifier, images, away(classifier, images), threat(norm, eps)).points
        sizes = LENGTH[norm](_deltas(points, images))
        assert (sizes <= eps * (1 + 1e-6) + 1e-6).all(), f"{norm}: sizes {sizes} for eps {eps}"
        assert (np.diff(sizes) > 0).all(), f"{norm}: sizes {sizes} do not follow eps {eps}"


def check_stays_within_the_pixels(call: Call) -> None:
    """Black and white images have room on one side only."""
    for norm in facts(call).norms:
        for _, points in _runs(call, norm, 0.4):
            low, high = float(points.min()), float(points.max())
            assert low >= 0, f"{norm}: a pixel of {low}"
            assert high <= 1, f"{norm}: a pixel of {high}"


def check_returns_images_of_its_own(call: Call) -> None:
    """As many, of the same shape and type, finite, without a graph, and not the caller's memory."""
    for norm in facts(call).norms:
        for images, points in _runs(call, norm, 0.1):
            assert isinstance(points, Tensor), f"{type(points).__name__} returned"
            assert points.shape == images.shape, f"shape {tuple(points.shape)} for images {tuple(images.shape)}"
            assert points.dtype == images.dtype, f"{points.dtype} for images of {images.dtype}"
            assert points.isfinite().all(), "pixels that are not finite"
            assert not points.requires_grad, "the points still require a gradient"
            assert points.data_ptr() != images.data_ptr(), "the points share the caller's memory"


def check_eps_zero_returns_the_image(call: Call) -> None:
    """Bit for bit, in a ball of one point."""
    if facts(call).kind != "minimum":
        for norm in facts(call).norms:
            for images, points in _runs(call, norm, 0.0):
                assert torch.equal(points, images), f"{norm}(0): an image has changed"


def check_a_failure_has_spent_its_budget(call: Call) -> None:
    """A point that fooled nobody shows what was tried: it is neither black nor the clean image."""
    if facts(call).kind == "minimum":
        return
    images, classifier = chosen(6), Stubborn()
    for norm in facts(call).norms:
        points = play(call, classifier, images, away(classifier, images), threat(norm, 0.1)).points
        sizes = LENGTH[norm](_deltas(points, images))
        assert (sizes > 0.05).all(), f"{norm}: sizes {sizes} where 0.1 was allowed"
        assert (points.flatten(1).amax(1) > 0).all(), f"{norm}: a black image returned"


def _runs(call: Call, norm: str, eps: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and points: with and without a way to win, resting and going to the end, one image and several."""
    call = having(call, steps=7)
    for images in (corners(), chosen(1, (3, 5, 3))):
        shape = tuple(images.shape[1:])
        goals: list[tuple[object, Goal]] = []
        for classifier in (small_net(shape), Flat()):
            goals += [(classifier, away(classifier, images)), (classifier, to(2, images, until="end", loss="margin"))]
        if shape == SHAPE:
            goals += [(Stubborn(), away(Stubborn(), images))]
        for classifier, goal in goals:
            yield images, play(call, classifier, images, goal, threat(norm, eps)).points


def _deltas(points: Tensor, images: Tensor) -> np.ndarray:
    return points.flatten(1).numpy().astype(np.float64) - images.flatten(1).numpy().astype(np.float64)

"""The oracle's own oracle: the closed forms of contracts/linear.py against general solvers."""

import numpy as np
import pytest
from scipy import optimize

from assay.doctor.linear import SMALLEST
from tests.contracts.problems import SHAPES, problem

PROBLEMS = [(seed, corner) for seed in range(12) for corner in (False, True)]


def pixels_and_gain(seed, corner):
    chance = np.random.default_rng(seed)
    weights = chance.normal(size=7) * 10.0 ** chance.uniform(-1, 1, 7)
    image = chance.integers(0, 2, 7).astype(float) if corner else chance.uniform(size=7)
    most = np.abs(weights) @ np.where(weights > 0, 1 - image, image)
    return weights, image, most * chance.uniform(0.05, 0.95)


@pytest.mark.parametrize(("seed", "corner"), PROBLEMS)
def test_water_filling_is_the_linear_programme(seed, corner):
    """minimise eps over (delta, eps): weights · delta ≥ gain, |delta| ≤ eps, image + delta in the box."""
    weights, image, gain = pixels_and_gain(seed, corner)
    sides = np.block([[np.eye(7), -np.ones((7, 1))], [-np.eye(7), -np.ones((7, 1))], [-weights, 0]])
    bounds = [*zip(-image, 1 - image, strict=True), (0, None)]
    found = optimize.linprog(np.eye(8)[7], sides, np.append(np.zeros(14), -gain), bounds=bounds)
    assert SMALLEST["linf"](weights, image, gain) == pytest.approx(found.fun, rel=1e-6)


@pytest.mark.parametrize(("seed", "corner"), PROBLEMS)
def test_the_bisected_length_is_the_quadratic_programmes(seed, corner):
    weights, image, gain = pixels_and_gain(seed, corner)
    room = np.where(weights > 0, 1 - image, -image)
    found = optimize.minimize(
        lambda delta: delta @ delta,
        room * 0.99,
        jac=lambda delta: 2 * delta,
        bounds=list(zip(-image, 1 - image, strict=True)),
        constraints={"type": "ineq", "fun": lambda delta: weights @ delta - gain, "jac": lambda delta: weights},
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert found.success
    assert SMALLEST["l2"](weights, image, gain) == pytest.approx(found.fun**0.5, rel=1e-5)


@pytest.mark.parametrize("norm", SMALLEST)
def test_what_the_box_does_not_allow_cannot_be_reached(norm):
    weights, image = np.array([1.0, -2.0]), np.array([0.75, 0.5])
    assert SMALLEST[norm](weights, image, 1.2501) == np.inf
    assert SMALLEST[norm](weights, image, 1.2499) < np.inf
    assert SMALLEST[norm](weights, image, -0.1) == 0


def test_by_hand():
    weights, image = np.array([3.0, -4.0]), np.array([0.5, 0.5])
    assert SMALLEST["linf"](weights, image, 0.7) == pytest.approx(0.1)
    assert SMALLEST["l2"](weights, image, 0.5) == pytest.approx(0.1)
    assert SMALLEST["linf"](weights, np.array([0.95, 0.5]), 0.7) == pytest.approx(0.1375)


@pytest.mark.parametrize("norm", SMALLEST)
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_problems_are_no_trifles(norm, classes):
    """Uneven weights, images in corners, near and far; both classes that are within reach."""
    for seed, shape in enumerate(SHAPES):
        case = problem(norm, shape, classes, seed)
        weight = case.classifier[1].weight.detach().abs()
        assert weight.max() > 20 * weight.median()
        assert len(case.labels.unique()) == 2
        attackable = np.isfinite(case.radius)
        assert attackable.sum() >= 8
        assert case.radius[attackable].max() > 3 * case.radius.min()
        assert ((case.images == 0) | (case.images == 1)).flatten(1).all(1)[attackable].any()

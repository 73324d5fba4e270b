"""The geometry of a threat holds for any points, images, shapes and eps."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.adversary.threat import THREATS, l1, l2, linf, read_threat
from tests.contracts import geometry
from tests.contracts.geometry import flat

SHAPES = [(1, 1, 1), (1, 1, 2), (1, 3, 5), (3, 2, 4), (2, 8, 8)]
EPSILONS = [0.0, 1e-4, 1 / 255, 8 / 255, 0.3, 0.5, 1.0, 3.0]
often = settings(max_examples=60, deadline=None)


@st.composite
def images_of(draw, shape, batch):
    """Noise, corners of the box, numbers near its edges, and grey."""
    own = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    pixels = torch.rand(batch, *shape, generator=own)
    kind = draw(st.sampled_from(["noise", "corner", "edge", "grey"]))
    return {"noise": pixels, "corner": pixels.round(), "edge": pixels**9, "grey": 0.4 + pixels / 5}[kind]


@st.composite
def vectors_of(draw, shape, batch):
    """Normal numbers or such as span powers of ten, some of them zero, at any scale that float32 has."""
    own = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    noise = torch.randn(batch, *shape, generator=own)
    noise = noise * 10 ** (draw(st.sampled_from([0, 1, 2])) * torch.randn(batch, *shape, generator=own))
    noise = noise * (torch.rand(batch, *shape, generator=own) >= draw(st.sampled_from([0.0, 0.5, 1.0])))
    return noise * 10.0 ** draw(st.sampled_from([-30, -12, -4, -2, -1, 0, 1, 6, 25]))


@st.composite
def cases(draw, norms=tuple(THREATS)):
    """A threat, points and images."""
    shape, batch = draw(st.sampled_from(SHAPES)), draw(st.integers(1, 4))
    alone = st.sampled_from(EPSILONS)
    eps = draw(st.one_of(alone, st.lists(alone, min_size=batch, max_size=batch).map(torch.tensor)))
    box = draw(st.sampled_from([(0.0, 1.0), None]))
    images = draw(images_of(shape, batch))
    return THREATS[draw(st.sampled_from(norms))](eps, box), images + draw(vectors_of(shape, batch)), images


@st.composite
def gradients(draw):
    threat = THREATS[draw(st.sampled_from(list(THREATS)))](0.1)
    gradient = draw(vectors_of(draw(st.sampled_from(SHAPES)), draw(st.integers(1, 4))))
    return threat, gradient


@often
@given(cases())
def test_a_projected_point_is_in_the_ball_and_in_the_box(case):
    geometry.check_lands_in_ball_and_box(*case)


@often
@given(cases())
def test_an_allowed_point_does_not_move(case):
    threat, points, images = case
    nearby = torch.as_tensor(threat.eps).reshape(-1, 1, 1, 1) * (points - images).clamp(-1, 1) / images[0].numel()
    finer = images**8 / 10  # numbers that a difference to the image cannot hold
    for inside in (points, images + nearby, finer):
        geometry.check_leaves_allowed_points_alone(threat, inside, images)


@often
@given(cases())
def test_projecting_twice_is_projecting_once(case):
    geometry.check_projects_twice_as_once(*case)


@often
@given(cases())
def test_the_projected_point_is_the_nearest(case):
    threat, points, images = case
    points = images + (points - images).clamp(-1e6, 1e6)  # beyond, the twin's bisection has too far to go
    geometry.check_lands_on_the_nearest_point(threat, points, images)


@pytest.mark.parametrize("eps", [0.1, 0.5, 2.0])
def test_the_nearest_point_is_found_where_pixels_span_powers_of_ten(eps):
    own = torch.Generator().manual_seed(2)
    images, noise, powers = (torch.randn(40, 1, 8, 8, generator=own) for _ in range(3))
    images = images.sigmoid()
    geometry.check_lands_on_the_nearest_point(THREATS["l2"](eps), images + noise * (3 * powers).exp(), images)


@often
@given(cases())
def test_an_image_is_treated_as_if_it_were_alone(case):
    geometry.check_treats_each_image_alone(*case)


@often
@given(cases())
def test_contains_agrees_with_a_ruler(case):
    threat, points, images = case
    geometry.check_contains_what_its_ruler_says(*case)
    geometry.check_contains_what_its_ruler_says(threat, threat.project(points, images), images)


@pytest.mark.parametrize("name", THREATS)
@pytest.mark.parametrize("eps", [0.0, 0.1, 1.0])
def test_contains_has_the_stated_tolerance_and_no_other(name, eps):
    images = torch.full((2, 1, 1, 1), 0.0, dtype=torch.float64)
    points = images + eps * (1 + 1e-6) + 1e-6 + torch.tensor([-1e-9, 1e-9]).reshape(2, 1, 1, 1)
    assert THREATS[name](eps, None).contains(points, images).tolist() == [True, False]


def test_without_eps_and_box_a_point_must_still_be_finite():
    points = torch.tensor([0.0, 1e9, torch.nan, torch.inf]).reshape(4, 1, 1, 1)
    assert THREATS["l2"](box=None).contains(points, torch.zeros(4, 1, 1, 1)).tolist() == [True, True, False, False]


@often
@given(cases())
def test_nan_is_never_hidden(case):
    geometry.check_does_not_hide_nan(*case)


@often
@given(gradients())
def test_ascend_gains_most(case):
    geometry.check_ascends_most_steeply(*case)


@often
@given(gradients())
def test_ascend_is_zero_at_zero(case):
    geometry.check_stays_where_there_is_no_gradient(*case)


@often
@given(st.sampled_from(list(THREATS)), st.sampled_from(SHAPES).flatmap(lambda shape: images_of(shape, 3)))
def test_ascend_does_not_know_the_scale_of_a_gradient(name, pixels):
    geometry.check_ascends_alike_at_any_scale(THREATS[name](0.1), pixels - 0.5)


@often
@given(cases())
def test_an_image_of_eight_bit_stays_in_the_ball(case):
    threat, points, images = case
    images = (images.clamp(0, 1) * 255).round() / 255
    threat = replace(threat, box=(0.0, 1.0))
    points = threat.project(points, images)
    sent = threat.eight_bit(points, images)
    assert torch.equal((sent * 255).round() / 255, sent), "no image of 8 bit"
    assert threat.contains(sent, images).all(), "outside the ball"
    assert ((sent - points).abs() <= 1 / 255 + 1e-6).all(), "another image"


@often
@given(cases(), st.integers(0, 2**32))
def test_a_start_is_allowed(case, seed):
    threat, _, images = case
    uniform = torch.rand(images.shape, generator=torch.Generator().manual_seed(seed))
    geometry.check_starts_inside(threat, images, uniform)


@pytest.mark.parametrize("name", THREATS)
@pytest.mark.parametrize("eps", [1e-3, 0.3])
def test_starts_lie_all_over_the_ball(name, eps):
    geometry.check_starts_all_over_the_ball(THREATS[name](eps))


@often
@given(cases())
def test_size_is_the_norm(case):
    threat, points, images = case
    delta = (points - images).double()
    np.testing.assert_allclose(threat.size(delta), geometry.LENGTH[threat.norm.name](flat(delta)), rtol=1e-12)


@given(st.floats(0, 1e6), st.sampled_from(list(THREATS)))
def test_text_of_a_threat_reads_back(eps, name):
    assert read_threat(str(THREATS[name](eps))) == THREATS[name](eps)


@pytest.mark.parametrize("eps", [-1e-9, float("nan"), float("inf")])
@pytest.mark.parametrize("name", THREATS)
def test_an_eps_that_is_none_is_refused(name, eps):
    with pytest.raises(ValueError, match="eps must be a finite number"):
        THREATS[name](eps)


@pytest.mark.parametrize(("name", "largest"), [("linf", 1.0), ("l2", 24**0.5), ("l1", 24.0)])
def test_an_eps_larger_than_any_difference_is_refused(name, largest):
    assert THREATS[name](largest).fits((1, 4, 6)).eps == largest
    with pytest.raises(ValueError, match=r"between 0 and .* write .*8/255"):
        THREATS[name](largest * 1.001).fits((1, 4, 6))


def test_without_eps_there_is_no_radius():
    with pytest.raises(ValueError, match="needs a budget"):
        THREATS["l2"]().radius(torch.zeros(1, 1, 2, 2))


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("make", [linf, l2, l1])
def test_an_impossible_eps_is_refused_alone_and_among_others(make, wrong):
    for eps in (wrong, torch.tensor([0.1, wrong])):
        with pytest.raises(ValueError, match="eps must be"):
            make(eps)

"""Wrong balls: an attack's output cannot show them all, so that the geometry is tested as geometry."""

from dataclasses import dataclass, replace

import pytest
import torch

from assay.adversary.norms import L2, Linf
from assay.adversary.threat import Threat, l2, linf
from tests.contracts import geometry


class Sphere(L2):
    def project(self, points, images, eps, box):
        return images + eps * self._unit(points - images)


class Cube(Linf):
    """Its surface only."""

    def project(self, points, images, eps, box):
        return images + eps * (points - images).sign()


class WiderBall(L2):
    def project(self, points, images, eps, box):
        return super().project(points, images, 1.05 * eps, box)


class WiderCube(Linf):
    def project(self, points, images, eps, box):
        return super().project(points, images, 1.05 * eps, box)


class NormOfTheBatch(L2):
    def project(self, points, images, eps, box):
        delta = points - images
        return images + delta * (eps / delta.norm().clamp_min(1e-12)).clamp_max(1)


class FirstEpsForAll(Linf):
    def project(self, points, images, eps, box):
        return super().project(points, images, eps[:1], box)


class ShrinksThenClips(L2):
    """As many libraries do: it stays inside, but it is not the nearest point."""

    def project(self, points, images, eps, box):
        return super().project(points, images, eps, None)


class RoundsAllowedPoints(Linf):
    """Adding the difference back rounds it."""

    def project(self, points, images, eps, box):
        return images + (points - images).clamp(-eps, eps)


class RoundsAllowedPointsInL2(L2):
    def project(self, points, images, eps, box):
        landed = super().project(points, images, eps, box)
        return torch.where(landed == points, images + (points - images), landed)


class HalfTheWay(L2):
    def project(self, points, images, eps, box):
        return (points + super().project(points, images, eps, box)) / 2


class ScalesThenClips(L2):
    def project(self, points, images, eps, box):
        delta = points - images
        scale = eps / delta.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1).clamp_min(1e-12)
        shrunk = (scale.clamp_max(1) * delta).clamp(min=-images, max=1 - images)
        return images + shrunk


class DividesByANorm(L2):
    """As many libraries do: a small number added against 0 / 0 swallows small gradients."""

    def climb(self, points, gradient, size, box):
        return points + size * gradient / (gradient.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1) + 1e-10)


class DividesByZero(L2):
    def climb(self, points, gradient, size, box):
        return points + size * gradient / gradient.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)


class SignInL2(L2):
    def climb(self, points, gradient, size, box):
        return points + size * gradient.sign() / gradient[0].numel() ** 0.5


class RawGradient(Linf):
    def climb(self, points, gradient, size, box):
        return points + size * gradient


class SignOfNan(Linf):
    def climb(self, points, gradient, size, box):
        return points + size * gradient.sign()


class TooNearTheCentre(L2):
    """A length that is the square of a uniform number."""

    def inside(self, uniform):
        return self._unit(uniform - 0.5) * L2.inside(self, uniform).flatten(1).norm(dim=1).square().reshape(-1, 1, 1, 1)


class AtTheEdge(L2):
    """Uniform points of the ball, which all lie at its edge where there are many pixels."""

    def inside(self, uniform):
        start = L2.inside(self, uniform)
        length = start.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        return start / length * length ** (1 / uniform[0].numel())


class CornersOnly(Linf):
    def inside(self, uniform):
        return (uniform - 0.5).sign()


class OneSideOnly(Linf):
    def inside(self, uniform):
        return uniform


class StartsOutside(L2):
    def inside(self, uniform):
        return 2 * uniform - 1


class NoProjection(Linf):
    def project(self, points, images, eps, box):
        return points


@dataclass(frozen=True)
class Lenient(Threat):
    def contains(self, points, images):
        return replace(self, eps=1.01 * self.eps, box=None).norm.size(points - images) <= 1.01 * self.eps


@dataclass(frozen=True)
class TakesNan(Threat):
    def contains(self, points, images):
        return ~(self.size(points - images) > self.eps) & ~((points < 0) | (points > 1)).flatten(1).any(1)


@dataclass(frozen=True)
class Boxless(Threat):
    def project(self, points, images):
        return self.norm.project(points, images, self.radius(images), None)


EPS = torch.tensor([0.3, 0.05, 4.0, 0.6])
PLANTS = [
    (Threat(Sphere(), EPS), "leaves_allowed_points_alone"),
    (Threat(Cube(), EPS), "leaves_allowed_points_alone"),
    (Threat(WiderBall(), EPS), "lands_in_ball_and_box"),
    (Threat(WiderCube(), EPS), "lands_in_ball_and_box"),
    (Threat(NoProjection(), EPS), "lands_in_ball_and_box"),
    (Boxless(L2(), EPS), "lands_in_ball_and_box"),
    (Threat(NormOfTheBatch(), EPS), "treats_each_image_alone"),
    (Threat(FirstEpsForAll(), EPS), "treats_each_image_alone"),
    (Threat(FirstEpsForAll(), EPS), "lands_in_ball_and_box"),
    (Threat(ShrinksThenClips(), EPS), "lands_on_the_nearest_point"),
    (Threat(ScalesThenClips(), EPS), "lands_on_the_nearest_point"),
    (Threat(RoundsAllowedPoints(), EPS), "leaves_allowed_points_alone"),
    (Threat(RoundsAllowedPointsInL2(), EPS), "leaves_allowed_points_alone"),
    (Threat(HalfTheWay(), EPS), "projects_twice_as_once"),
    (Threat(DividesByANorm(), EPS), "ascends_alike_at_any_scale"),
    (Threat(DividesByZero(), EPS), "stays_where_there_is_no_gradient"),
    (Threat(SignInL2(), EPS), "ascends_most_steeply"),
    (Threat(RawGradient(), EPS), "ascends_most_steeply"),
    (Threat(SignOfNan(), EPS), "does_not_hide_nan"),
    (TakesNan(Linf(), EPS), "does_not_hide_nan"),
    (Lenient(L2(), EPS), "contains_what_its_ruler_says"),
    (Threat(TooNearTheCentre(), 0.2), "starts_all_over_the_ball"),
    (Threat(AtTheEdge(), 0.2), "starts_all_over_the_ball"),
    (Threat(CornersOnly(), 0.2), "starts_all_over_the_ball"),
    (Threat(OneSideOnly(), 0.2), "starts_all_over_the_ball"),
    (Threat(StartsOutside(), 0.2), "starts_all_over_the_ball"),
    (Boxless(NoProjection(), EPS), "starts_inside"),
]
CHECKS = {name.removeprefix("check_"): check for name, check in vars(geometry).items() if name.startswith("check_")}


def _examples(check):
    """Points far out, inside, and just beyond eps, of images of all kinds."""
    own = torch.Generator().manual_seed(3)
    images = torch.rand(4, 2, 3, 5, generator=own)
    images[3] = images[3].round()
    noise = torch.randn(4, 2, 3, 5, generator=own)
    if "gradient" in CHECKS[check].__annotations__:
        return [(noise,)]
    if "uniform" in CHECKS[check].__annotations__:
        return [(images, torch.rand(4, 2, 3, 5, generator=own))]
    if "points" not in CHECKS[check].__annotations__:
        return [()]
    spread = noise * 10 ** noise.roll(1, 0)
    near = images + EPS[:, None, None, None] * noise / noise.abs().amax((1, 2, 3), keepdim=True) * 1.008
    dark = images**7  # finer numbers than the images are
    return [(points, images) for points in (images + spread, images + 1e-3 * noise, near.clamp(0, 1), dark)]


def _run(check, threat):
    for example in _examples(check):
        CHECKS[check](threat, *example)


@pytest.mark.parametrize(("threat", "check"), PLANTS, ids=[f"{type(bad.norm).__name__}-{what}" for bad, what in PLANTS])
def test_wrong_geometry_is_caught(threat, check):
    with pytest.raises(AssertionError):
        _run(check, threat)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("make", [linf, l2])
def test_right_geometry_passes(make, check):
    _run(check, make(0.2) if "all_over" in check else make(EPS))


def test_every_check_catches_a_fault():
    assert CHECKS.keys() == {check for _, check in PLANTS}

"""What a threat's geometry must be, as plain checks on given points: held up by properties/, seen to fail by plants."""

from dataclasses import replace

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from assay.adversary.threat import Threat
from assay.chance import Draws

SLACK = 1e-6  # of eps, and of a pixel: float32
LENGTH = {
    "linf": lambda delta: np.abs(delta).max(1),
    "l2": lambda delta: np.sqrt((delta**2).sum(1)),
    "l1": lambda delta: np.abs(delta).sum(1),
}
STEEPEST = {"linf": LENGTH["l1"], "l2": LENGTH["l2"], "l1": LENGTH["linf"]}  # the dual norms


def flat(tensor: Tensor) -> np.ndarray:
    return tensor.flatten(1).numpy().astype(np.float64)


def climb(threat: Threat, gradient: Tensor) -> Tensor:
    """The step of norm 1 that the threat takes, far from the box."""
    return replace(threat, box=None).climb(torch.zeros_like(gradient), gradient, 1.0)


def radii(threat: Threat, images: Tensor) -> np.ndarray:
    """eps of each image."""
    return np.broadcast_to(np.asarray(threat.eps, dtype=np.float64), len(images))


def sizes(threat: Threat, points: Tensor, images: Tensor) -> np.ndarray:
    return LENGTH[threat.norm.name](flat(points) - flat(images))


def check_lands_in_ball_and_box(threat: Threat, points: Tensor, images: Tensor) -> None:
    """Every projected point is within eps, within the box, and `contains` says so."""
    landed = threat.project(points, images)
    eps = radii(threat, images)
    over = sizes(threat, landed, images) - (eps * (1 + SLACK) + SLACK)
    assert (over <= 0).all(), f"{over.max():.2e} beyond eps"
    assert threat.box is None or ((landed >= threat.box[0]) & (landed <= threat.box[1])).all(), "outside the box"
    assert threat.contains(landed, images).all(), "it does not contain what it projects to"


def check_leaves_allowed_points_alone(threat: Threat, points: Tensor, images: Tensor) -> None:
    """A point within eps and box keeps its bits. Its float64 length may miss eps by float32's error."""
    inside = points.clamp(*threat.box) if threat.box else points
    allowed = sizes(threat, inside, images) <= radii(threat, images) * (1 - SLACK)
    landed = threat.project(inside, images)
    assert torch.equal(landed[allowed], inside[allowed]), "an allowed point moved"


def check_projects_twice_as_once(threat: Threat, points: Tensor, images: Tensor) -> None:
    """Bit for bit in linf; in l2 a length is known to float32's error only."""
    once = threat.project(points, images)
    twice = threat.project(once, images)
    moved = np.abs(flat(twice) - flat(once)).max()
    assert moved <= (0 if threat.norm.name == "linf" else SLACK), f"a projected point moved by {moved:.2e}"


def check_lands_on_the_nearest_point(threat: Threat, points: Tensor, images: Tensor) -> None:
    """The same point as the slow twin's, which bisects in float64."""
    landed, twin = flat(threat.project(points, images)), nearest(threat, points, images)
    apart = np.sqrt(((landed - twin) ** 2).sum(1))
    allowed = 1e-4 * radii(threat, images) + 2 * SLACK
    assert (apart <= allowed).all(), f"{(apart - allowed).max():.2e} from the nearest point"


def nearest(threat: Threat, points: Tensor, images: Tensor) -> np.ndarray:
    """Of ball ∩ box, in float64. For l2 it is clip(scale · delta), by the conditions of Karush, Kuhn and Tucker."""
    x, delta = flat(images), flat(points) - flat(images)
    low, high = (-np.inf, np.inf) if threat.box is None else (threat.box[0] - x, threat.box[1] - x)
    eps = radii(threat, images)[:, None]
    if threat.norm.name == "linf":
        return x + np.clip(np.clip(delta, -eps, eps), low, high)
    if threat.norm.name == "l1":
        return x + nearest_l1(delta, low, high, eps)
    least, most = np.zeros_like(eps), np.ones_like(eps)
    fits = LENGTH["l2"](np.clip(delta, low, high))[:, None] <= eps
    for _ in range(300):
        # geometric: delta may span forty powers of ten
        middle = np.where(least > 0, np.sqrt(least * most), most * 1e-6)
        within = LENGTH["l2"](np.clip(middle * delta, low, high))[:, None] <= eps
        least, most = np.where(within, middle, least), np.where(within, most, middle)
    return x + np.clip(np.where(fits, 1, least) * delta, low, high)


def nearest_l1(delta: np.ndarray, low: np.ndarray, high: np.ndarray, eps: np.ndarray) -> np.ndarray:
    """Each entry shrunk by the same amount, bisected, and clipped."""
    least, most = np.zeros_like(eps), np.abs(delta).max(1, keepdims=True)

    def shrunk(by: np.ndarray) -> np.ndarray:
        return np.clip(np.sign(delta) * np.maximum(np.abs(delta) - by, 0), low, high)

    fits = LENGTH["l1"](shrunk(least))[:, None] <= eps
    for _ in range(200):
        middle = (least + most) / 2
        within = LENGTH["l1"](shrunk(middle))[:, None] <= eps
        least, most = np.where(within, least, middle), np.where(within, middle, most)
    return shrunk(np.where(fits, 0, most))


def check_treats_each_image_alone(threat: Threat, points: Tensor, images: Tensor) -> None:
    """An image among others gets what it gets alone, to the bit, from every function of the geometry."""
    for row in range(len(images)):
        one, own = slice(row, row + 1), threat[torch.tensor([row])]
        assert torch.equal(threat.project(points, images)[one], own.project(points[one], images[one])), "project"
        assert torch.equal(climb(threat, points)[one], climb(own, points[one])), "ascend"
        assert torch.equal(threat.size(points)[one], own.size(points[one])), "size"
        assert torch.equal(threat.contains(points, images)[one], own.contains(points[one], images[one])), "contains"


def check_ascends_most_steeply(threat: Threat, gradient: Tensor) -> None:
    """A step of norm at most 1 whose linear gain is the dual norm of the gradient, which nothing surpasses."""
    step, gradient64 = flat(climb(threat, gradient)), flat(gradient)
    scale = np.maximum(np.abs(gradient64).max(1, keepdims=True), 1e-300)
    best = STEEPEST[threat.norm.name](gradient64 / scale)
    gain = (step * gradient64 / scale).sum(1)
    assert (LENGTH[threat.norm.name](step) <= 1 + SLACK).all(), "a step of more than 1"
    assert np.allclose(gain, best, rtol=1e-5, atol=0), f"a gain of {gain}, {best} possible"


def check_ascends_alike_at_any_scale(threat: Threat, gradient: Tensor) -> None:
    """A gradient times a power of two, which changes no digit, gives the same step: tiny ones are not lost."""
    for power in (-100, -40, 40, 100):
        scaled = gradient * 2.0**power
        assert torch.equal(climb(threat, scaled), climb(threat, gradient)), f"another step at 2**{power} × the gradient"


def check_stays_where_there_is_no_gradient(threat: Threat, gradient: Tensor) -> None:
    assert (climb(threat, torch.zeros_like(gradient)) == 0).all(), "a step without a gradient"


def check_does_not_hide_nan(threat: Threat, points: Tensor, images: Tensor) -> None:
    """A NaN in a gradient or a point is still there after ascend and project, and is never contained."""
    lost = points.clone()
    lost.view(len(points), -1)[:, 0] = torch.nan
    assert climb(threat, lost).isnan().flatten(1).any(1).all(), "ascend hid a NaN"
    assert threat.project(lost, images).isnan().flatten(1).any(1).all(), "project hid a NaN"
    assert not threat.contains(lost, images).any(), "a NaN contained"


def check_contains_what_its_ruler_says(threat: Threat, points: Tensor, images: Tensor) -> None:
    """`contains`, but for the stated tolerance, is: in the box, and of a length of at most eps."""
    told = threat.contains(points, images).numpy()
    eps, length = radii(threat, images), sizes(threat, points, images)
    boxed = np.full(len(images), True)
    if threat.box:
        boxed = ((flat(points) >= threat.box[0]) & (flat(points) <= threat.box[1])).all(1)
    assert (told <= (boxed & (length <= eps * (1 + 1e-6) + 1e-6 + 1e-12))).all(), "it contains what is outside"
    assert (told >= (boxed & (length <= eps))).all(), "it does not contain what is inside"


def check_starts_inside(threat: Threat, images: Tensor, uniform: Tensor) -> None:
    assert threat.contains(threat.start(images, uniform), images).all(), "a start outside"


def check_starts_all_over_the_ball(threat: Threat) -> None:
    """In a ball off the box: a uniform length (linf: a uniform point), in each direction as many."""
    images = torch.full((4000, 1, 1, 3), 0.5)
    uniform = Draws(3, torch.arange(4000)).uniform((1, 1, 3), "start")
    deltas = flat(threat.start(images, uniform)) - flat(images)
    radius = LENGTH[threat.norm.name](deltas) / threat.eps
    law = stats.kstest(np.minimum(radius, 1) ** (3 if threat.norm.name == "linf" else 1), "uniform")
    assert law.pvalue > 1e-4, f"the starts are too near or too far: p = {law.pvalue:.1e}"
    for pixel in range(3):
        assert abs((deltas[:, pixel] > 0).mean() - 0.5) < 0.04, "it prefers a side"
    shapes = np.abs(deltas) / np.abs(deltas).max(1, keepdims=True)
    assert shapes.min() < 0.05, "it starts in corners only"

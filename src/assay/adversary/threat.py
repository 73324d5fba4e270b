"""What the enemy may do: move an image by at most eps in some norm, and never out of the pixel box."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay import spec
from assay.chance import as_normal

Images = Float[Tensor, "B *pixels"]
Box = tuple[float, float]
SMALL = 1e-12  # keeps 0 / 0 away
NEWTON_ROUNDS = 10  # enough where the entries of delta span many powers of ten, too


@runtime_checkable
class Norm(Protocol):
    """The geometry of a unit ball, for deltas `(B, …)`; eps and radii broadcast against them."""

    name: str

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        """The norm of each delta."""

    def largest(self, pixels: int) -> float:
        """The norm of the largest delta between two images of that many pixels."""

    def ascend(self, gradient: Images) -> Images:
        """The delta of norm 1 that gains most along the gradient; zero where the gradient is zero."""

    def project(self, points: Images, images: Images, eps: Tensor, box: Box | None) -> Images:
        """The nearest points of the ball; a norm that is coupled across pixels also minds the box.

        A point that is in the ball keeps its bits: the sum of images and a difference would round.
        """

    def inside(self, uniform: Images) -> Images:
        """Uniform numbers in [0, 1), one for each pixel, made into a uniform point of the unit ball."""


@dataclass(frozen=True)
class Linf:
    """max |delta|."""

    name = "linf"

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        return delta.flatten(1).abs().amax(1)

    def largest(self, pixels: int) -> float:
        return 1.0

    def ascend(self, gradient: Images) -> Images:
        return torch.where(gradient.isnan(), gradient, gradient.sign())  # torch's sign of NaN is 0, which would hide it

    def project(self, points: Images, images: Images, eps: Tensor, box: Box | None) -> Images:
        return points.clamp(images - eps, images + eps)

    def inside(self, uniform: Images) -> Images:
        return 2 * uniform - 1


@dataclass(frozen=True)
class L2:
    """The Euclidean length of delta."""

    name = "l2"

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        return delta.flatten(1).norm(dim=1)

    def largest(self, pixels: int) -> float:
        return float(pixels) ** 0.5

    def ascend(self, gradient: Images) -> Images:
        # Scaled by its largest entry first: the squares of tiny gradients would vanish in float32.
        scaled = gradient / as_column(Linf().size(gradient), gradient).clamp_min(torch.finfo(gradient.dtype).tiny)
        return scaled / as_column(self.size(scaled), scaled).clamp_min(SMALL)

    def project(self, points: Images, images: Images, eps: Tensor, box: Box | None) -> Images:
        """The nearest point of ball ∩ box is clip(images + scale · direction). The square of its length is concave in
        the square of scale, so that Newton's method comes from below and stays in the ball; two or three rounds do."""
        delta = points - images
        low, high = (-torch.inf, torch.inf) if box is None else (box[0] - images, box[1] - images)
        within = as_column(self.size(_clip(delta, low, high)), delta) <= eps
        direction = self.ascend(delta)
        squares, rooms = direction.square(), torch.where(delta > 0, high, low).square()
        scale = eps.square().expand_as(within)  # squared, as the rest
        for _ in range(NEWTON_ROUNDS):
            free = scale * squares < rooms
            fixed = as_column(torch.where(free, 0, rooms).flatten(1).sum(1), delta)
            moving = as_column(torch.where(free, squares, 0).flatten(1).sum(1), delta)
            moving = moving.clamp_min(torch.finfo(delta.dtype).tiny)
            scale = torch.maximum(scale, (eps.square() - fixed) / moving)
        return torch.where(within, points, images + _clip(scale.sqrt() * direction, low, high))

    def inside(self, uniform: Images) -> Images:
        # The squared length of a normal vector is chi-square and independent of its direction, so that its
        # own quantile, to the power 1/d, is the radius of a uniform point of the ball.
        normal = as_normal(uniform)
        pixels = normal[0].numel()
        squared = normal.flatten(1).double().square().sum(1)
        half = torch.tensor(pixels / 2, dtype=torch.float64, device=normal.device)
        radius = torch.special.gammainc(half.expand_as(squared), squared / 2) ** (1 / pixels)
        return normal * as_column((radius / squared.sqrt()).float(), normal)


@dataclass(frozen=True)
class Threat:
    """Every image within eps of the given one, in the norm and in the box.

    eps is in pixels of [0, 1]: a number, a tensor `(B,)` with one for each image, or None, "as small as possible".
    box is the range of pixel values, None for no box. `contains` holds the only tolerance there is.
    """

    norm: Norm
    eps: float | Float[Tensor, "B"] | None
    box: Box | None = (0.0, 1.0)

    def __post_init__(self) -> None:
        if isinstance(self.eps, int | float) and not 0 <= self.eps < float("inf"):
            raise ValueError(f"{self.norm.name}: eps must be a finite number, at least 0, got {self.eps}")

    def __str__(self) -> str:
        return f"{self.norm.name}({'' if self.eps is None else self.eps})"

    def __getitem__(self, rows: Tensor | slice) -> "Threat":
        return replace(self, eps=self.eps[rows]) if isinstance(self.eps, Tensor) else self

    def at(self, eps: float) -> "Threat":
        """The same threat with another eps."""
        return replace(self, eps=eps)

    def fits(self, shape: tuple[int, ...]) -> "Threat":
        """Itself; ValueError if eps is more than the norm of any difference between two images of that shape."""
        largest = self.norm.largest(torch.Size(shape).numel())
        if isinstance(self.eps, int | float) and self.eps > largest:
            raise ValueError(
                f"{self}: eps must be between 0 and {largest:g} for images {tuple(shape)} with pixels in [0, 1]; "
                f"for 8 levels of 255 write {self.norm.name}(8/255)"
            )
        return self

    def radius(self, images: Images) -> Tensor:
        """eps, shaped to multiply images `(B, …)`."""
        if self.eps is None:
            raise ValueError(f"this attack needs a budget: write {self.norm.name}(eps)")
        eps = torch.as_tensor(self.eps, dtype=images.dtype, device=images.device)
        return as_column(eps, images)

    def ascend(self, gradient: Images) -> Images:
        """The step of norm 1 that gains most along the gradient (Goodfellow et al. 2015 for linf)."""
        return self.norm.ascend(gradient)

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        """The norm of each delta."""
        return self.norm.size(delta)

    def project(self, points: Images, images: Images) -> Images:
        """The nearest allowed points. Points that are allowed do not move."""
        if self.eps is not None:
            points = self.norm.project(points, images, self.radius(images), self.box)
        return points.clamp(*self.box) if self.box else points

    def start(self, images: Images, uniform: Images) -> Images:
        """A random allowed point: uniform in the ball, then clipped to the box. `uniform` is in [0, 1)."""
        return self.project(images + self.radius(images) * self.norm.inside(uniform), images)

    def contains(self, points: Images, images: Images) -> Bool[Tensor, "B"]:
        """Whether each point is allowed: finite, in the box, and of size ≤ eps · (1 + 1e-6) + 1e-6."""
        allowed = points.isfinite().flatten(1).all(1)
        if self.box:
            allowed &= ((points >= self.box[0]) & (points <= self.box[1])).flatten(1).all(1)
        if self.eps is not None:
            eps = torch.as_tensor(self.eps, dtype=torch.float64, device=images.device)
            allowed &= self.size(points.double() - images.double()) <= eps * (1 + 1e-6) + 1e-6
        return allowed


def linf(eps: float | Tensor | None = None, box: Box | None = (0.0, 1.0)) -> Threat:
    """Each pixel may change by at most eps."""
    return Threat(Linf(), _sound(eps), box)


def l2(eps: float | Tensor | None = None, box: Box | None = (0.0, 1.0)) -> Threat:
    """The Euclidean length of the change is at most eps."""
    return Threat(L2(), _sound(eps), box)


def _sound(eps: float | Tensor | None) -> float | Tensor | None:
    if isinstance(eps, Tensor) and not bool(((eps >= 0) & eps.isfinite()).all()):
        raise ValueError(f"eps must be finite and at least 0 for every image, got {eps.min():g} to {eps.max():g}")
    return eps


THREATS: dict[str, Callable[..., Threat]] = {"linf": linf, "l2": l2}


def read_threat(text: str) -> Threat:
    """The threat that text such as "linf(8/255)" names; ValueError in one line if it names none."""
    name, positional, named = spec.parse(text, "threat")
    make = spec.pick(name, THREATS, "threat")
    values = [*positional, *named.values()]
    if set(named) - {"eps"} or len(values) > 1 or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"cannot read threat {text!r}: write {name}(eps), such as {name}(8/255)")
    return make(*map(float, values))


def _clip(delta: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    return torch.minimum(torch.maximum(delta, torch.as_tensor(low).to(delta)), torch.as_tensor(high).to(delta))


def as_column(per_image: Tensor, like: Tensor) -> Tensor:
    """A number for each image `(B,)`, or one for all, shaped to broadcast against images `(B, …)`."""
    return per_image.reshape(-1, *[1] * (like.ndim - 1))

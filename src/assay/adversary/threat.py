"""What the enemy may do: move an image by at most eps in some norm, and never out of the pixel box."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay import spec
from assay.adversary.norms import L1, L2, Box, Images, Linf, Norm, as_column

GRID = 1e-3  # of a level of 255: nearer to one than that is rounding


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

    def at(self, eps: float | Float[Tensor, "B"] | None) -> "Threat":
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

    def climb(self, points: Images, gradient: Images, size: Tensor | float) -> Images:
        """The points, moved by `size` in the norm to where the gradient gains most (Goodfellow et al. 2015 for linf).

        Not yet projected; in l1, where that is a few pixels to the edge of the box, no further than there.
        """
        size = torch.as_tensor(size, dtype=points.dtype, device=points.device)
        return self.norm.climb(points, gradient, size, self.box)

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        """The norm of each delta."""
        return self.norm.size(delta)

    def project(self, points: Images, images: Images) -> Images:
        """The nearest allowed points. Points that are allowed do not move."""
        if self.eps is not None:
            points = self.norm.project(points, images, self.radius(images), self.box)
        return points.clamp(*self.box) if self.box else points

    def eight_bit(self, points: Images, images: Images) -> Images:
        """The nearest images of 8 bit on the way back from the points to images of 8 bit: they are in the ball, too."""
        levels = points * 255
        inward = torch.where(points > images, levels.floor(), levels.ceil())
        return torch.where((levels - levels.round()).abs() <= GRID, levels.round(), inward) / 255

    def start(self, images: Images, uniform: Images) -> Images:
        """A random allowed point, from uniform numbers in [0, 1): in the ball (see norms), then clipped to the box."""
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


def l1(eps: float | Tensor | None = None, box: Box | None = (0.0, 1.0)) -> Threat:
    """The sum of what all pixels change by is at most eps."""
    return Threat(L1(), _sound(eps), box)


def _sound(eps: float | Tensor | None) -> float | Tensor | None:
    if isinstance(eps, Tensor) and not bool(((eps >= 0) & eps.isfinite()).all()):
        raise ValueError(f"eps must be finite and at least 0 for every image, got {eps.min():g} to {eps.max():g}")
    return eps


THREATS: dict[str, Callable[..., Threat]] = {"linf": linf, "l2": l2, "l1": l1}


def read_threat(text: str) -> Threat:
    """The threat that text such as "linf(8/255)" names; ValueError in one line if it names none."""
    name, positional, named = spec.parse(text, "threat")
    make = spec.pick(name, THREATS, "threat")
    values = [*positional, *named.values()]
    if set(named) - {"eps"} or len(values) > 1 or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"cannot read threat {text!r}: write {name}(eps), such as {name}(8/255)")
    return make(*map(float, values))

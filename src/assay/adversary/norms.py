"""The geometry of the balls that a threat is made of: linf, l2, l1; with the pixel box where it is coupled to them."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from assay.chance import as_normal

Images = Float[Tensor, "B *pixels"]
Box = tuple[float, float]
SMALL = 1e-12  # keeps 0 / 0 away
FAR = 4e6  # pixels; beyond, float64 no longer tells the corners of an l1 projection apart
NEWTON_ROUNDS = 10  # enough where the entries of delta span many powers of ten, too


@runtime_checkable
class Norm(Protocol):
    """The geometry of a unit ball, for deltas `(B, …)`; eps and radii broadcast against them."""

    name: str

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        """The norm of each delta."""

    def largest(self, pixels: int) -> float:
        """The norm of the largest delta between two images of that many pixels."""

    def climb(self, points: Images, gradient: Images, size: Tensor, box: Box | None) -> Images:
        """The points, moved by `size` in the norm to where the gradient gains most; as they are where it is zero.

        A norm that is coupled across pixels and moves few of them also minds the box, or it would stand still there.
        """

    def project(self, points: Images, images: Images, eps: Tensor, box: Box | None) -> Images:
        """The nearest points of the ball; a norm that is coupled across pixels also minds the box.

        A point that is in the ball keeps its bits: the sum of images and a difference would round.
        """

    def inside(self, uniform: Images) -> Images:
        """Uniform numbers in [0, 1), one for each pixel, made into a random point of the unit ball: in linf a uniform
        one; in l2 and l1 of uniform direction and length, as uniform points of such a ball all lie at its edge."""


@dataclass(frozen=True)
class Linf:
    """max |delta|."""

    name = "linf"

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        return delta.flatten(1).abs().amax(1)

    def largest(self, pixels: int) -> float:
        return 1.0

    def climb(self, points: Images, gradient: Images, size: Tensor, box: Box | None) -> Images:
        return points + size * signs(gradient)

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

    def climb(self, points: Images, gradient: Images, size: Tensor, box: Box | None) -> Images:
        return points + size * self._unit(gradient)

    def project(self, points: Images, images: Images, eps: Tensor, box: Box | None) -> Images:
        """The nearest point of ball ∩ box is clip(images + scale · direction). The square of its length is concave in
        the square of scale, so that Newton's method comes from below and stays in the ball; two or three rounds do."""
        delta = points - images
        low, high = (-torch.inf, torch.inf) if box is None else (box[0] - images, box[1] - images)
        within = as_column(self.size(_clip(delta, low, high)), delta) <= eps
        direction = self._unit(delta)
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
        # The squared length of a normal vector is chi-square and independent of its direction: its own quantile is a
        # uniform length.
        normal = as_normal(uniform)
        pixels = normal.shape[1:].numel()
        squared = normal.flatten(1).double().square().sum(1)
        half = torch.tensor(pixels / 2, dtype=torch.float64, device=normal.device)
        radius = torch.special.gammainc(half.expand_as(squared), squared / 2)
        return normal * as_column((radius / squared.sqrt()).float(), normal)

    def _unit(self, delta: Images) -> Images:
        # Scaled by its largest entry first: the squares of tiny gradients would vanish in float32.
        scaled = delta / as_column(Linf().size(delta), delta).clamp_min(torch.finfo(delta.dtype).tiny)
        return scaled / as_column(self.size(scaled), scaled).clamp_min(SMALL)


@dataclass(frozen=True)
class L1:
    """The sum of |delta|."""

    name = "l1"

    def size(self, delta: Images) -> Float[Tensor, "B"]:
        return delta.flatten(1).abs().sum(1)

    def largest(self, pixels: int) -> float:
        return float(pixels)

    def climb(self, points: Images, gradient: Images, size: Tensor, box: Box | None) -> Images:
        """Pixel by pixel in the order of |gradient|, each as far as the box lets it, until `size` is spent."""
        sign, spend = signs(gradient).flatten(1), size.expand_as(points).flatten(1)
        room = spend if box is None else torch.where(sign > 0, box[1] - points.flatten(1), points.flatten(1) - box[0])
        room = torch.minimum(room.clamp_min(0), spend)
        steepest = gradient.flatten(1).abs().argsort(dim=1, descending=True, stable=True)
        rooms = room.gather(1, steepest).double()  # float32 would lose the last pixels of a long sum
        moves = torch.minimum((spend - (rooms.cumsum(1) - rooms)).clamp_min(0), rooms).to(points)
        return points + (torch.empty_like(room).scatter_(1, steepest, moves) * sign).reshape_as(points)

    def project(self, points: Images, images: Images, eps: Tensor, box: Box | None) -> Images:
        """The nearest point of ball ∩ box moves each pixel by clip(|delta| - shrink, 0, room) (Croce and Hein 2021,
        arXiv 2103.01208, §3.1). The sum of those falls with shrink, piecewise linearly: walk its corners down."""
        delta = (points.double() - images.double()).flatten(1).clamp(-FAR, FAR)
        at, most = images.flatten(1).double(), eps.double().flatten(1).expand(len(images), 1)
        room = torch.full_like(delta, torch.inf) if box is None else torch.where(delta > 0, box[1] - at, at - box[0])
        length, room = delta.abs(), room.clamp_min(0)
        within = torch.minimum(length, room).sum(1, keepdim=True) <= most
        corners, order = torch.cat([length, length - torch.minimum(room, length)], 1).sort(1, descending=True)
        moving = torch.where(order < delta.shape[1], 1.0, -1.0).double().cumsum(1)  # pixels between two corners
        total = torch.cat([torch.zeros_like(most), (moving[:, :-1] * -corners.diff(dim=1)).cumsum(1)], 1)
        last = ((total < most).sum(1, keepdim=True) - 1).clamp_min(0)  # the corner before the sum reaches eps
        rest = (most - total.gather(1, last)) / moving.gather(1, last).clamp_min(1)
        moves = torch.minimum((length - (corners.gather(1, last) - rest)).clamp_min(0), room)
        landed = (at + moves * delta.sign()).to(points)
        # Rounded toward the image: the rounding of thousands of sums would add up.
        landed = torch.where((landed - at).abs() > moves, landed.nextafter(images.flatten(1)), landed)
        landed = torch.where(delta.isnan(), points.flatten(1), landed)
        return torch.where(within, points.flatten(1), landed).reshape_as(points)

    def inside(self, uniform: Images) -> Images:
        # The sum of exponential numbers has a gamma distribution, independent of their shares of it: see l2.
        signed = 2 * (uniform.double() + 2.0**-25) - 1
        exponential = -torch.log1p(-signed.abs())
        total = exponential.flatten(1).sum(1)
        pixels = torch.tensor(uniform.shape[1:].numel(), dtype=torch.float64, device=uniform.device)
        radius = torch.special.gammainc(pixels.expand_as(total), total)
        return (exponential * signed.sign() * as_column(radius / total, uniform)).float()


def signs(gradient: Images) -> Images:
    """-1, 0 or 1; NaN where it is NaN, which torch's sign would hide behind a 0."""
    return torch.where(gradient.isnan(), gradient, gradient.sign())


def unit(gradient: Images) -> Images:
    """The gradient over the sum of its |entries|; zero stays zero, and neither tiny nor huge ones are lost."""
    tiny = torch.finfo(gradient.dtype).tiny
    scaled = gradient / as_column(Linf().size(gradient), gradient).clamp_min(tiny)
    return scaled / as_column(L1().size(scaled), scaled).clamp_min(tiny)


def _clip(delta: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    return torch.minimum(torch.maximum(delta, torch.as_tensor(low).to(delta)), torch.as_tensor(high).to(delta))


def as_column(per_image: Tensor, like: Tensor) -> Tensor:
    """A number for each image `(B,)`, or one for all, shaped to broadcast against images `(B, …)`."""
    return per_image.reshape(-1, *[1] * (like.ndim - 1))

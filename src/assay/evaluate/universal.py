"""One noise for many images: fitted on some, tried on others, class against class.

What couples images is no attack, for an attack treats each image alone: the noise is fitted here, and then is one,
`add_noise(delta="FILE.safetensors")`.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from tqdm import tqdm

from assay.adversary.goal import Goal, targeted
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks.add_noise import noisy
from assay.chance import permutation
from assay.data import ImageSet

BETAS, SMALL = (0.9, 0.999), 1e-8  # Adam's own
CLIPPED = 1e-6  # of a pixel: less is rounding


@dataclass(frozen=True)
class Fitted:
    """A noise `(C, H, W)` in pixels of [0, 1]; of each step the mean score that it climbed, before the step; and the
    share of the images that it was fitted on which reach the goal with it."""

    delta: Float[Tensor, "C H W"]
    scores: np.ndarray
    reached: float


@dataclass(frozen=True)
class Transfer:
    """What noises, one toward each of `targets` (T of them), do to images of K classes that are right without them.

    becomes `(K, T)`: of class j, how many become the target; where j is the target, how many stay.
    fooled `(K, T)`: how many are not taken for j any more. counts `(K,)`: how many there are. lost `(T,)`: how many
    have no prediction at all, which is neither. `matrix` and `failure` are the shares, NaN where there is no image.
    """

    targets: tuple[int, ...]
    becomes: np.ndarray
    fooled: np.ndarray
    counts: np.ndarray
    lost: np.ndarray

    @property
    def matrix(self) -> np.ndarray:
        """(K, T): the share of class j that becomes the target."""
        return _share(self.becomes, self.counts[:, None])

    @property
    def failure(self) -> np.ndarray:
        """(T,): the share of all images that are not taken for their own class any more, whatever for."""
        return _share(self.fooled.sum(0), self.counts.sum(keepdims=True))

    @property
    def success(self) -> np.ndarray:
        """(T,): the share of the images of the other classes that become the target."""
        others = np.arange(len(self.counts))[:, None] != np.array(self.targets)
        return _share((self.becomes * others).sum(0), (self.counts[:, None] * others).sum(0))


def fit(
    classifier: nn.Module,
    images: ImageSet,
    goal: Goal,
    threat: Threat,
    *,
    steps: int = 1500,
    rate: float = 0.005,
    batch: int = 64,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> Fitted:
    """One noise for all the images; `goal` has a class for each of them (Moosavi-Dezfooli et al. 2017, arXiv
    1610.08401; by gradient as Shafahi et al. 2020, arXiv 1811.11304): the mean score of the images with the noise is
    climbed, from no noise on, and the noise projected onto the ball of the threat after each step, if it has an eps.

    The steps are Adam's (arXiv 1412.6980), so that `rate` is in pixels of [0, 1] whatever the scale of the logits.
    More images than `batch` take turns, in an order that depends on `seed` alone. ValueError without images.
    Differs: a pixel that the box clips has no gradient, and the noise stays where it can change at least one image.
    """
    if not len(images):
        raise ValueError("a noise is fitted on at least one image, got none")
    pixels = images.pixels(device)
    low, high = -pixels.amax(0, keepdim=True), 1 - pixels.amin(0, keepdim=True)  # beyond, every image is clipped
    assert not isinstance(threat.eps, Tensor), "one noise has one eps"
    ball = replace(threat, box=None)
    delta, mean, square = (torch.zeros_like(pixels[:1]) for _ in range(3))
    scores: list[Tensor] = []
    with Victim(classifier, micro_batch=min(batch, len(images))) as victim:
        for step in range(steps):
            rows = _turn(len(images), batch, step, seed).to(device)
            moved, part = pixels[rows] + delta, goal[rows]
            points = moved.clamp(0, 1)
            logits, gradient = victim.gradient(points, part)
            scores.append(part.score(logits).mean())
            uphill = torch.where((points - moved).abs() < CLIPPED, gradient, 0).mean(0, keepdim=True)
            mean = BETAS[0] * mean + (1 - BETAS[0]) * uphill
            square = BETAS[1] * square + (1 - BETAS[1]) * uphill.square()
            root = (square / (1 - BETAS[1] ** (step + 1))).sqrt()
            delta = delta + rate * mean / (1 - BETAS[0] ** (step + 1)) / (root + SMALL)
            delta = ball.project(delta.clamp(low, high), torch.zeros_like(delta))
        reached = goal.reached(victim.labels(noisy(pixels, delta[0], threat)))
    return Fitted(delta[0].cpu(), torch.stack(scores).cpu().numpy(), float(reached.float().mean()))


def transfer(
    classifier: nn.Module,
    noises: dict[int, Float[Tensor, "C H W"]],
    images: ImageSet,
    threat: Threat,
    *,
    device: torch.device | str = "cpu",
) -> Transfer:
    """What each target's noise does to images that it was not fitted on, as `add_noise` does it, judged in float32.

    `noises`: of each target its noise. Only images that are right without noise count.
    """
    labels, pixels = images.labels.to(device), images.pixels(device)
    classes = len(images.classes)
    with Victim(classifier, access="labels") as victim:
        right = victim.labels(pixels) == labels
        labels, pixels = labels[right], pixels[right]
        said = [victim.labels(noisy(pixels, delta.to(pixels), threat)) for delta in noises.values()]
    targets = tuple(noises)

    def count(among: Tensor) -> np.ndarray:
        return torch.bincount(labels[among], minlength=classes).cpu().numpy()

    return Transfer(
        targets,
        np.stack([count(found == target) for target, found in zip(targets, said, strict=True)], 1),
        np.stack([count((found != labels) & (found >= 0)) for found in said], 1),
        count(torch.ones_like(labels, dtype=torch.bool)),
        np.array([int((found < 0).sum()) for found in said]),
    )


def _turn(n: int, batch: int, step: int, seed: int) -> Tensor:
    """The rows of a step: all of them if they fit, else the next of an epoch's order, the last few left out."""
    if n <= batch:
        return torch.arange(n)
    epoch, place = divmod(step, n // batch)
    return permutation(n, seed, "universal", epoch)[place * batch : (place + 1) * batch]


def _share(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    return np.divide(some, of, out=np.full(np.shape(some), np.nan), where=np.asarray(of) > 0)


def fit_all(
    classifier: nn.Module,
    taught: ImageSet,
    unseen: ImageSet,
    targets: tuple[int, ...],
    threat: Threat,
    on: int,
    *,
    steps: int,
    rate: float,
    seed: int,
    device: torch.device | str = "cpu",
) -> tuple[dict[int, Fitted], Transfer]:
    """A noise toward each target, fitted on `on` random images of other classes from `taught`; and what they do to
    `unseen`."""
    order = permutation(len(taught), seed, "fitted on")
    fitted = {}
    for target in tqdm(targets, unit="noise", leave=False):
        rows = order[taught.labels[order] != target][:on]
        goal = targeted(torch.full((len(rows),), target, device=device))
        fitted[target] = fit(
            classifier, taught.rows(rows), goal, threat, steps=steps, rate=rate, seed=seed, device=device
        )
    noises = {target: each.delta for target, each in fitted.items()}
    return fitted, transfer(classifier, noises, unseen, threat, device=device)

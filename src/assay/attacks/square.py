"""Square: random windows of random sign, kept where the score has risen; scores are all it sees."""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import Goal, Loss
from assay.adversary.norms import as_column
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive

Images = Float[Tensor, "B C H W"]
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # of 10 000 steps: when the windows' area is halved


@attack(kind="budget", access="scores", norms=("linf", "l2"), oracle_factor={"linf": 1.25, "l2": 2.0})
def square(
    victim: Victim,
    images: Images,
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 1000,
    p_init: Positive = 0.8,
    loss: Loss = "margin",
) -> Images:
    """Andriushchenko et al. 2020, arXiv 1912.00049, algorithms 1 to 3: change a square window at a random place, and
    stay if the score rises.

    steps are questions, one more than windows. p_init is the share of the image that the first windows cover.

    In l2 windows are odd and 3 pixels wide at least, as in the authors' code, but no more than half of a tiny image.

    Differs: the schedule of p is stretched from 10 000 questions to `steps`. Windows reach the last row and column, as
    in algorithms 2 and 3, where the authors' code stops short of them, and never changes what lies there; but those at
    an edge are half as frequent, so that the middle is no worse off than there. In linf a window that would change
    nothing is turned over, where the authors draw again.
    """
    return search_on(
        victim, images, pattern(images, threat, draws), replace(goal, loss=loss), threat, draws, steps, p_init
    )


def pattern(images: Images, threat: Threat, draws: Draws) -> Images:
    """Where Square begins: stripes in linf, tiles in l2."""
    return _stripes(images, threat, draws) if threat.norm.name == "linf" else _tiles(images, threat, draws)


def search_on(
    victim: Victim,
    images: Images,
    points: Images,
    goal: Goal,
    threat: Threat,
    draws: Draws,
    steps: int,
    p_init: float = 0.8,
) -> Images:
    """Square from any points within the threat."""
    change = _window if threat.norm.name == "linf" else _mass
    search = Search(victim, images, goal, threat)
    score = torch.full_like(search.size, -torch.inf)
    tried = points
    for step in search.rounds(steps):
        found = search.score(tried)
        better = found > score
        points, score = torch.where(as_column(better, points), tried, points), torch.where(better, found, score)
        past = sum(step * 10_000 > mark * steps for mark in HALVINGS)
        tried = change(images, points, threat, draws, p_init / 2**past, step)
    return search.best


def _stripes(images: Images, threat: Threat, draws: Draws) -> Images:
    """Every column of a channel at the end of its range."""
    signs = _signs(draws, (images.shape[1], 1, images.shape[3]), "stripes", 0)
    return threat.project(images + threat.radius(images) * signs, images)


def _window(images: Images, points: Images, threat: Threat, draws: Draws, share: float, step: int) -> Images:
    """A window of each channel at the end of its range."""
    height, width = images.shape[2:]
    side = min(max(round(math.sqrt(share * height * width)), 1), height, width)
    top, left = _corner(draws, images, side, "window", step)
    rows, columns = (torch.arange(n, device=images.device) for n in (height, width))
    within = ((rows >= top) & (rows < top + side))[:, None, :, None] & ((columns >= left) & (columns < left + side))[
        :, None, None, :
    ]
    move = threat.radius(images) * _signs(draws, (images.shape[1], 1, 1), "sign", step)
    up, down = (threat.project(torch.where(within, images + way, points), images) for way in (move, -move))
    return torch.where(as_column((up == points).flatten(1).all(1), points), down, up)


def _corner(draws: Draws, images: Images, side: int, purpose: str, step: int) -> tuple[Tensor, Tensor]:
    """The top row and the left column of a window in each image, `(B, 1)`; the first and the last half as often."""
    return tuple(
        draws.integers(max(n - side, 1), (1,), "square", purpose, axis, step)
        + draws.integers(2 if n > side else 1, (1,), "square", purpose, "further", axis, step)
        for axis, n in enumerate(images.shape[2:])
    )  # type: ignore[return-value]


def _signs(draws: Draws, shape: tuple[int, ...], purpose: str, step: int) -> Tensor:
    return 2.0 * draws.integers(2, shape, "square", purpose, step) - 1


def _tiles(images: Images, threat: Threat, draws: Draws) -> Images:
    """Pairs of bumps, five by five in the middle, each of random sign and upright or turned."""
    channels, height, width = images.shape[1:]
    side = max(min(height, width) // 5, 1)
    grid = (height // side, width // side)
    signs = _signs(draws, (channels, *grid, 1, 1), "tiles", 0)
    turned = draws.integers(2, (1, *grid, 1, 1), "square", "tiles turned") > 0
    pair = _pair(side).to(images)
    tiles = (signs * torch.where(turned, pair.T, pair)).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    top, left = ((n - tiled) // 2 for n, tiled in zip((height, width), tiles.shape[2:], strict=True))
    around = (left, width - tiles.shape[3] - left, top, height - tiles.shape[2] - top)
    return _scaled(images, F.pad(tiles, around), threat)


def _mass(images: Images, points: Images, threat: Threat, draws: Draws, share: float, step: int) -> Images:
    """A pair of bumps in one window, with the mass that it had, that of another window, and what is left of eps."""
    channels, height, width = images.shape[1:]
    least = min(3, max(min(height, width) // 2, 1))
    side = min(max(round(math.sqrt(share * height * width)), least), height, width)
    side += side % 2 == 0 and 2 < side < min(height, width)  # a window with a middle
    delta = (points - images).flatten(2)
    one, other = (
        _places(_corner(draws, images, side, name, step), side, width).expand(-1, channels, -1)
        for name in ("to", "from")
    )
    both = delta.scatter(2, one, 0).scatter(2, other, 0)
    mass = (delta.square() - both.square()).sum(2, keepdim=True)
    left = (threat.radius(images)[..., 0].square() - delta.flatten(1).square().sum(1)[:, None, None]).clamp_min(0)
    pair = _pair(side).to(images)
    turned = draws.integers(2, (1, 1), "square", "turned", step) > 0
    fresh = torch.where(turned, pair.T.flatten(), pair.flatten()) * _signs(draws, (channels, 1), "sign", step)
    old = delta.gather(2, one)
    fresh = fresh + old / (1e-10 + old.norm(dim=2, keepdim=True))
    fresh = fresh / fresh.norm(dim=2, keepdim=True).clamp_min(1e-10) * (left / channels + mass).sqrt()
    return _scaled(images, both.scatter(2, one, fresh).reshape_as(images), threat)


def _places(corner: tuple[Tensor, Tensor], side: int, width: int) -> Int64[Tensor, "B 1 s"]:
    """Where the pixels of a window lie in a flattened channel."""
    span = torch.arange(side, device=corner[0].device)
    return ((corner[0] + span)[:, :, None] * width + (corner[1] + span)[:, None, :]).flatten(1)[:, None]


def _scaled(images: Images, delta: Images, threat: Threat) -> Images:
    size = as_column(threat.size(delta), images).clamp_min(1e-10)
    return threat.project((images + delta / size * threat.radius(images)).clamp(*threat.box or (None, None)), images)


def _pair(side: int) -> Float[Tensor, "s s"]:
    """A bump, and below it one of the other sign; of length 1."""
    if side == 1:
        return torch.ones(1, 1)
    pair = torch.cat([_bump(side // 2, side), -_bump(side - side // 2, side)])
    return pair / pair.norm()


def _bump(height: int, width: int) -> Float[Tensor, "h w"]:
    """Rectangles around the middle, the k-th smallest of height 1 / k²; of length 1 (§3.4, eq. 2)."""
    rows, columns = ((torch.arange(n) - n // 2).abs() for n in (height, width))
    ring = torch.maximum(rows[:, None], columns)
    heights = 1 / torch.arange(1, max(height, width) // 2 + 2).double().square()
    bump = heights.flip(0).cumsum(0).flip(0)[ring].float()
    return bump / bump.norm()

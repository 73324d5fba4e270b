"""HopSkipJump: along the boundary toward the image, with nothing but predicted classes to go by."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import as_column
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count

Images = Float[Tensor, "B C H W"]
HALVINGS = 10  # of a step that leads back across the boundary, before the image stays where it is
FIRST_RADIUS = 0.1  # pixels: of the first ball in which the boundary is asked for its direction


@attack(kind="minimum", access="labels", norms=("l2", "linf"), oracle_factor={"l2": 1.1, "linf": 1.3})
def hop_skip_jump(
    victim: Victim,
    images: Images,
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 20,
    samples: Count = 50,
    tries: Count = 100,
) -> Images:
    """Chen, Jordan and Wainwright 2020, arXiv 1904.02144, algorithms 1 and 2: estimate the boundary's normal from the
    classes of random neighbours (eq. 16), step along it (§III-C), and bisect back toward the image.

    In step t it asks samples · √t neighbours, up to 10 about the step, and as many as the bisection takes.

    Differs: a start that reaches the goal is looked for among `tries` images of noise, of every contrast; where there
    is none, as often toward a class, the attack fails and returns the last point that it has tried. Where no length of
    a step wins, the image stays where it is. The last radius is 1e-6 pixels at least.
    """
    search, pixels = Search(victim, images, goal, threat), max(images[0].numel() if len(images) else 1, 2)
    points = _bisected(search, _start(search, draws, tries), pixels)
    for step in search.rounds(steps):
        size = threat.size(points - images)
        radius = size / pixels if step else torch.full_like(size, FIRST_RADIUS)
        count = round(samples * math.sqrt(step + 1))
        normal = _normal(search, points, as_column(radius.clamp_min(1e-6), images), draws, step, count)
        points = _stepped(search, points, normal, size / math.sqrt(step + 1))
        points = _bisected(search, points, pixels)
    search.fools(points)
    return search.best


def _start(search: Search, draws: Draws, tries: int) -> Images:
    points, found = search.images, torch.zeros_like(search.fooled)
    for number in range(tries):
        if search.goal.until == "fooled" and bool(found.all()):
            break
        noise = draws.uniform(search.images.shape[1:], "hop_skip_jump", "start", number)
        noise = ((noise - 0.5) * 2 ** (number % 5) + 0.5).clamp(0, 1)  # up to black and white
        fooled = search.fools(noise)
        points = torch.where(as_column(found, noise), points, noise)
        found = found | fooled
    return points


def _bisected(search: Search, points: Images, pixels: int) -> Images:
    """The last point on the way to the image that still wins: to a share of pixels**-1.5 of it, for linf pixels**-2."""
    linf = search.threat.norm.name == "linf"
    won = torch.ones_like(search.size)
    lost = torch.zeros_like(search.size)
    for _ in range(math.ceil((2 if linf else 1.5) * math.log2(pixels))):
        middle = (won + lost) / 2
        fooled = search.fools(_between(search, points, middle))
        won, lost = torch.where(fooled, middle, won), torch.where(fooled, lost, middle)
    return _between(search, points, won)


def _between(search: Search, points: Images, share: Tensor) -> Images:
    """A share of the way from the image to the point: for linf within that share of its size, else on the line."""
    images, threat = search.images, search.threat
    if threat.norm.name == "linf":
        return threat.at(share * threat.size(points - images)).project(points, images)
    whole = as_column(share == 1, images)
    return torch.where(whole, points, images + as_column(share, images) * (points - images))


def _normal(search: Search, points: Images, radius: Tensor, draws: Draws, step: int, count: int) -> Images:
    """Which way the goal is reached oftener: the mean of the directions, each weighed by its answer above the mean."""
    linf = search.threat.norm.name == "linf"
    total, agreed = torch.zeros_like(points), torch.zeros_like(points)
    wins = torch.zeros_like(search.size)
    for number in range(count):
        purpose = ("hop_skip_jump", step, number)
        shape = points.shape[1:]
        way = 2 * draws.uniform(shape, *purpose) - 1 if linf else draws.normal(shape, *purpose)
        way = way / as_column(way.flatten(1).norm(dim=1).clamp_min(1e-12), way)
        near = search.threat.at(None).project(points + radius * way, search.images)
        way, answer = (near - points) / radius, 2.0 * search.fools(near) - 1
        total, agreed, wins = total + way, agreed + as_column(answer, way) * way, wins + answer
    mean = wins / count
    one_sided = as_column(mean.abs() == 1, total)
    estimate = torch.where(one_sided, as_column(mean, total) * total, agreed - as_column(mean, total) * total)
    return search.threat.climb(torch.zeros_like(total), estimate, 1.0)


def _stepped(search: Search, points: Images, normal: Images, size: Tensor) -> Images:
    """The farthest of size, size / 2, … along the normal that wins."""
    found, reached = torch.zeros_like(search.fooled), points
    for _ in range(HALVINGS):
        if search.goal.until == "fooled" and bool(found.all()):
            break
        there = search.threat.at(None).project(points + as_column(size, points) * normal, search.images)
        fooled = search.fools(torch.where(as_column(found, points), reached, there)) & ~found
        reached, found = torch.where(as_column(fooled, points), there, reached), found | fooled
        size = size / 2
    return reached

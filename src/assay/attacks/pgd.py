"""Projected gradient descent: iterated FGSM from random points of the ball, with or without momentum."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import unit
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive

Schedule = Literal["constant", "cosine"]


@attack(kind="budget", access="gradients", norms=("linf", "l2", "l1"), oracle_factor={"linf": 1.02, "l2": 1.02})
def pgd(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 40,
    step_size: Positive | None = None,
    restarts: Count = 1,
    random_start: bool = True,
    momentum: Positive = 0.0,
    schedule: Schedule = "constant",
) -> Float[Tensor, "B C H W"]:
    """Madry et al. 2018, arXiv 1706.06083, §2.1.

    step_size is in pixels of [0, 1], as eps; None is 4 · eps / steps, for the cosine twice that: as long a way.
    momentum: g ← momentum · g + ∇ / ‖∇‖₁ is climbed (Dong et al. 2018, arXiv 1710.06081, eq. 6; their decay is 1).
    schedule: cosine lets the steps shrink as (1 + cos(π · step / steps)) / 2 (Loshchilov and Hutter 2017, arXiv
    1608.03983, eq. 5, without restarts).

    Differs: the authors take 2.5 · eps / steps for l2. From a random point near its edge the angle to
    the gradient shrinks as exp(-path / eps): 2.5 eps leave even linear classifiers unbroken at 1.02 of their radius.
    """
    search = Search(victim, images, goal, threat)
    size = 4 * threat.radius(images) / steps if step_size is None else step_size
    if schedule == "cosine" and step_size is None:
        size = 2 * size
    for restart in search.rounds(restarts):
        points = threat.start(images, draws.uniform(images.shape[1:], "pgd", restart)) if random_start else images
        direction = torch.zeros_like(images)
        for step in search.rounds(steps):
            gradient = search.gradient(points)
            direction = momentum * direction + unit(gradient) if momentum else gradient
            share = (1 + math.cos(math.pi * step / steps)) / 2 if schedule == "cosine" else 1
            points = threat.project(threat.climb(points, direction, share * size), images)
        search.look(points)
    return search.best

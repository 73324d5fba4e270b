"""Auto-PGD: steps that are halved when they stop gaining, and a walk that goes on from the best point so far."""

from dataclasses import replace
from typing import Annotated, Literal

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
from assay.spec import AtLeast, Count

Loss = Literal["margin", "dlr", "ce"]
FORWARD = 0.75  # α: the share of the new step; the rest carries the last one on
GAINING = 0.75  # ρ: of the steps since the last checkpoint, those that must have gained


@attack(kind="budget", access="gradients", norms=("linf", "l2", "l1"), oracle_factor={"linf": 1.02, "l2": 1.02})
def apgd(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 100,
    restarts: Count = 1,
    loss: Loss | None = None,
    targets: Annotated[int, AtLeast(0)] = 0,
) -> Float[Tensor, "B C H W"]:
    """Croce and Hein 2020, arXiv 2003.01690, algorithm 1: no step size to choose.

    loss is what is climbed; None is the goal's own. targets: so many further runs for each restart, one toward each of
    the classes that are likeliest on the clean image ("multi-targeted"); leaving the label any way wins. A goal
    that is targeted already has but one.

    Differs: it starts uniformly in the ball; without a loss that is given, the targeted runs climb the goal's own.
    In l1 a step is the steepest pixels' to the edge of the box (arXiv 2103.01208 takes a share of the pixels instead).
    """
    search = Search(victim, images, goal, threat)
    goals = _ways(goal if loss is None else replace(goal, loss=loss), targets, victim, images)
    for restart in search.rounds(restarts):
        for number in search.rounds(len(goals)):
            uniform = draws.uniform(images.shape[1:], "apgd", restart, number)
            _ascend(search, goals[number], threat.start(images, uniform), steps)
    return search.best


def _ways(goal: Goal, targets: int, victim: Victim, images: Tensor) -> list[Goal]:
    """The goal, and one toward each of the likeliest other classes."""
    if goal.targeted or not targets:
        return [goal]
    logits = victim.logits(images)
    others = logits.scatter(1, goal.classes[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)
    return [goal, *replace(goal, among=others[:, : min(targets, logits.shape[1] - 1)]).each()]


def _ascend(search: Search, goal: Goal, points: Tensor, steps: int) -> None:
    """One run. A score of NaN counts as the best there is: it must not be lost on the way back. Of equal scores, as a
    search in bfloat16 sees many, the last is kept: it has come furthest."""
    images, threat, checks = search.images, search.threat, checkpoints(steps)
    size = 2 * threat.radius(images) * torch.ones_like(as_column(search.size, images))
    best, uphill, top = points, torch.zeros_like(points), torch.full_like(search.size, -torch.inf)
    last, top_then, gains, since = -top, top, torch.zeros_like(top), 0  # inf: the start itself is no gain
    halved, before = torch.ones_like(search.open), points
    for step in search.rounds(steps):
        gradient = search.gradient(points, goal)
        gains, last = gains + (search.scores > last), search.scores
        better = ~(search.scores < top) & ~top.isnan()
        best, uphill = (torch.where(as_column(better, points), *pair) for pair in ((points, best), (gradient, uphill)))
        top = torch.where(better, search.scores, top)
        if step in checks:
            stuck = (gains < GAINING * (step - since)) | (~halved & (top == top_then))
            size = torch.where(as_column(stuck, points), size / 2, size)
            points, gradient = (
                torch.where(as_column(stuck, points), *pair) for pair in ((best, points), (uphill, gradient))
            )
            halved, top_then, gains, since = stuck, top, torch.zeros_like(top), step
        ahead = threat.project(threat.climb(points, gradient, size), images)
        carried = points + FORWARD * (ahead - points) + (1 - FORWARD) * (points - before)
        before, points = points, threat.project(carried, images) if step else ahead
    search.look(best)
    search.look(points)


def checkpoints(steps: int) -> set[int]:
    """The steps at which a run looks back, closer and closer (§3 of the paper); in whole hundredths, for ceil."""
    before, here, found = 0, 22, set[int]()
    while here < 100:
        found.add(-(-here * steps // 100))
        before, here = here, here + max(here - before - 3, 6)
    return found

"""A walk uphill that pays for every step away from the image: the target's logit less a penalty on the distance."""

from dataclasses import replace
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive


@attack(kind="minimum", access="gradients", norms=("l2",), oracle_factor={})
def penalised(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    beta: Positive = 1e-4,
    steps: Count = 1000,
    rate: Positive = 1e-3,
    start: Literal["image", "noise"] = "image",
) -> Float[Tensor, "B C H W"]:
    """Gradient ascent on score(x) − beta · ‖x − x₀‖² in the box (Szegedy et al. 2014, arXiv 1312.6199, §4.1, with the
    logit for the loss, and one beta in place of a line search).

    The score is the target's logit; away from a label, where one logit alone leads anywhere, the margin. beta is in
    logits per squared pixel of [0, 1], rate in squared pixels per logit: a step is rate · gradient. start: noise begins
    anywhere in the box, not near the image. The curve "cost" is what is climbed, at the points before each step.

    The smallest point on the way that won is returned; where none has, the last. It promises no factor: how far it
    comes depends on the scale of the logits, and one logit's gradient is not the shortest way.
    """
    search = Search(victim, images, goal, threat)
    climbed = replace(goal, loss="logit" if goal.targeted else "margin")
    points = images if start == "image" else threat.project(draws.uniform(images.shape[1:], "penalised"), images)
    for _ in search.rounds(steps):
        gradient, delta = search.gradient(points, climbed), points - images
        victim.record("cost", search.scores - beta * threat.size(delta).square())
        points = threat.project(points + rate * (gradient - 2 * beta * delta), images)
    search.look(points)
    return search.best

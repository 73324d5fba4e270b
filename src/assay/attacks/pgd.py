"""Projected gradient descent: iterated FGSM from random points of the ball."""

from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive


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
) -> Float[Tensor, "B C H W"]:
    """Madry et al. 2018, arXiv 1706.06083, §2.1.

    step_size is in pixels of [0, 1], as eps; None is 4 · eps / steps.

    Differs: the authors take 2.5 · eps / steps for l2. From a random point of that ball, mostly its edge, the angle to
    the gradient shrinks as exp(-path / eps): 2.5 eps leave even linear classifiers unbroken at 1.02 of their radius.
    """
    search = Search(victim, images, goal, threat)
    size = 4 * threat.radius(images) / steps if step_size is None else step_size
    for restart in search.rounds(restarts):
        points = threat.start(images, draws.uniform(images.shape[1:], "pgd", restart)) if random_start else images
        for _ in search.rounds(steps):
            points = threat.project(threat.climb(points, search.gradient(points), size), images)
        search.look(points)
    return search.best

"""Iterated FGSM: small steps from the image itself, each with the gradient where it stands."""

from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count, Positive


@attack(
    kind="budget", access="gradients", norms=("linf", "l2", "l1"), oracle_factor={"linf": 1.02, "l2": 1.02, "l1": 1.02}
)
def iterated_fgsm(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    steps: Count = 10,
    step_size: Positive | None = None,
) -> Float[Tensor, "B C H W"]:
    """The basic iterative method (Kurakin et al. 2017, arXiv 1607.02533, eq. 2).

    step_size is in pixels of [0, 1], as eps; None is 2 · eps / steps, enough to reach the edge and turn back.
    """
    search = Search(victim, images, goal, threat)
    size = 2 * threat.radius(images) / steps if step_size is None else step_size
    points = images
    for _ in search.rounds(steps):
        points = threat.project(threat.climb(points, search.gradient(points), size), images)
    search.look(points)
    return search.best

"""The fast gradient sign method: one step of size eps."""

from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws


@attack(kind="budget", access="gradients", norms=("linf", "l2", "l1"), oracle_factor={"linf": 1.02, "l1": 1.02})
def fgsm(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
) -> Float[Tensor, "B C H W"]:
    """x + eps · sign(∇ score) (Goodfellow et al. 2015, arXiv 1412.6572, §4); for l2 the normalised gradient, for l1
    the steepest pixels, each to the edge of the box.

    In l2 what the box cuts off the one step is not spent elsewhere, so that images at its edge may need far more eps.
    """
    search = Search(victim, images, goal, threat)
    for _ in search.rounds(1):
        points = threat.climb(images, search.gradient(images), threat.radius(images))
        search.look(threat.project(points, images))
    return search.best

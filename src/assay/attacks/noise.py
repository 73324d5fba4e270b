"""Random noise of size eps: the control that every attack must beat, and no attack."""

from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.search import Search
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.spec import Count


@attack(kind="control", access="scores", norms=("linf", "l2"))
def noise(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    restarts: Count = 1,
) -> Float[Tensor, "B C H W"]:
    """The full budget in a random direction: for linf every pixel moves by +eps or -eps."""
    search = Search(victim, images, goal, threat)
    for restart in search.rounds(restarts):
        direction = threat.ascend(draws.normal(images.shape[1:], "noise", restart))
        search.look(threat.project(images + threat.radius(images) * direction, images))
    return search.best

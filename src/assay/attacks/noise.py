"""Random noise of size eps: the control that every attack must beat, and no attack."""

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


@attack(kind="control", access="scores", norms=("linf", "l2", "l1"))
def noise(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    restarts: Count = 1,
) -> Float[Tensor, "B C H W"]:
    """The full budget, shared out evenly: every pixel moves by the same, up or down at random; for linf by eps."""
    search = Search(victim, images, goal, threat)
    for restart in search.rounds(restarts):
        signs = draws.normal(images.shape[1:], "noise", restart).sign()
        size = threat.radius(images) / as_column(threat.size(signs), images)
        search.look(threat.project(images + size * signs, images))
    return search.best

"""Does an attack that sees scores alone break what those with gradients did not? Then the gradients mislead."""

import math
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import as_column
from assay.adversary.threat import Threat, l2
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.attacks.square import pattern, search_on
from assay.chance import Draws
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import STEPS, WEAKER, fallen, few, new_falls

QUERIES = 1000  # with 300, a net whose number was 7 points too high went by


@check("scores", "stillness", "survivors")
def white_box_against_black_box(case: Case) -> Finding:
    """Square, from where a short PGD ends, on survivors (Athalye et al. 2018, arXiv 1802.00420, §3.1, second behaviour;
    AutoAttack's flag, flags_doc.md)."""
    rows = few(case)
    fell = fallen(case, rows, partial(_onward, walks=case.differentiable), threat=_known(case))
    light = new_falls(case, fell, WEAKER)
    said = f"{int(fell.sum())} of {len(rows)} survivors fall to Square, which has no gradients, in {QUERIES} queries"
    said = said if light == "green" else f"{said}: the gradients lead the suite astray"
    return found(light, said, looked=len(rows), fell=int(fell.sum()), queries=QUERIES)


def _onward(
    victim: Victim, images: Float[Tensor, "R C H W"], goal: Goal, threat: Threat, draws: Draws, *, walks: bool
) -> Float[Tensor, "R C H W"]:
    """Square from what PGD has reached, where that is more than stripes are: it needs a third of the questions so."""
    points = pattern(images, threat, draws)
    if walks:
        reached = pgd(victim, images, goal, threat, draws, steps=STEPS)
        further = goal.score(victim.logits(reached)) > goal.score(victim.logits(points))
        points = torch.where(as_column(further, points), reached, points)
    return search_on(victim, images, points, goal, threat, draws, QUERIES)


def _known(case: Case) -> Threat:
    """The threat, or the largest l2 ball in that of l1, which Square does not know: |x|₁ ≤ √d |x|₂."""
    if case.threat.norm.name in ("linf", "l2"):
        return case.threat
    return l2(case.eps / math.sqrt(math.prod(case.images.shape[1:])), case.threat.box)

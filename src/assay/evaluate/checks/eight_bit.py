"""Do the adversarial images survive being saved? Rounded inward to 8 bit, as files hold them, they are asked again."""

import torch
from jaxtyping import Float
from torch import Tensor

from assay.adversary.goal import untargeted
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.evaluate.checks import FEWEST, Case, Finding, check, found
from assay.evaluate.checks.probes import FEW, STEPS, fools, share

TENTH = 0.1  # of the points: attacks stop just beyond the boundary: of a usual net rounding may take two in three
LEVELS = 4  # of 255, on average over the pixels: of an eps that is less, rounding inward takes a quarter and more


@check("stillness")
def eight_bit(case: Case) -> Finding:
    """A matter of information, as no threat forbids other numbers: amber at most, and only if eps is many levels."""
    rows, points = _proof(case)
    if not len(rows):
        return found("green", "nothing was broken, so there is nothing to round", looked=0)
    fell = fools(case, rows, case.threat.eight_bit(points, case.images[rows]))
    evidence = {"looked": len(rows), "fool": share(fell)}
    said = f"{int(fell.sum())} of {len(rows)} adversarial images still fool when they are rounded to 8 bit"
    coarse = case.eps >= LEVELS / 255 * float(case.threat.size(torch.ones_like(case.images[:1])))
    if share(fell) < TENTH and coarse and len(rows) >= FEWEST:
        return found("amber", f"{said}: no file of 8 bit would break as many", **evidence)
    return found("green", said, **evidence)


def _proof(case: Case) -> tuple[Tensor, Float[Tensor, "R C H W"]]:
    """The rows that are broken, and with what: the suite's points, or else a short PGD's."""
    rows = case.broken.nonzero()[:, 0]
    if case.points is not None or not len(rows) or not case.differentiable:
        return (rows, case.points[rows]) if case.points is not None else (rows[:0], case.images[:0])
    rows = rows[:FEW]
    with Victim(case.classifier, micro_batch=len(rows)) as victim:
        goal = untargeted(case.labels[rows], "margin")
        points = pgd(victim, case.images[rows], goal, case.threat, case.draws[rows], steps=STEPS)
    fell = fools(case, rows, points)
    return rows[fell], points[fell]

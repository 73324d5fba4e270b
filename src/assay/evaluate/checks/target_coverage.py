"""Does aiming at each other class break what was left? Away from the label is only toward the nearest other."""

import torch

from assay.adversary.goal import targeted
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import STEPS, few, fools, new_falls

SURVIVORS = 12  # two that fall are then more than is tolerated
TARGETS = 9  # the likeliest others, as AutoAttack takes


@check("gradients", "stillness", "survivors")
def target_coverage(case: Case) -> Finding:
    """PGD on the targeted margin toward each of the likeliest other classes (Gowal et al. 2019, arXiv 1910.09338)."""
    rows = few(case, SURVIVORS)
    own = case.labels[rows, None]
    others = case.logits[rows].scatter(1, own, -torch.inf).argsort(dim=1, descending=True, stable=True)
    targets = others[:, : min(TARGETS, case.logits.shape[1] - 1)]
    pairs = rows.repeat_interleave(targets.shape[1])
    with Victim(case.classifier, micro_batch=len(pairs)) as victim:
        goal = targeted(targets.flatten(), "margin")
        points = pgd(victim, case.images[pairs], goal, case.threat, case.draws[pairs], steps=STEPS)
    fell = fools(case, pairs, points).reshape(targets.shape).any(1)
    light = new_falls(case, fell)
    said = f"{int(fell.sum())} of {len(rows)} survivors fall to PGD toward each of {targets.shape[1]} other classes"
    said = said if light == "green" else f"{said}: the suite had missed them"
    return found(light, said, looked=len(rows), fell=int(fell.sum()), targets=targets.shape[1])

"""Does another random start break more? Then the loss is rugged, and each start finds another place to be stuck at."""

from assay.attacks.pgd import pgd
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import STEPS, fallen, few, new_falls

STARTS = 3


@check("gradients", "stillness", "survivors")
def restarts(case: Case) -> Finding:
    """Several more starts of PGD on the margin, on survivors (Carlini et al. 2019, arXiv 1902.06705, §5.4)."""
    rows = few(case)
    fell = fallen(case, rows, pgd, steps=STEPS, restarts=STARTS)
    said = f"{int(fell.sum())} of {len(rows)} survivors fall to PGD from {STARTS} more random starts"
    light = new_falls(case, fell)
    said = said if light == "green" else f"{said}: the suite had too few"
    return found(light, said, looked=len(rows), fell=int(fell.sum()), starts=STARTS)

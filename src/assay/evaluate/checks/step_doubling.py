"""Does twice the steps break more? Then the walk had not arrived, and the number is where it was left standing."""

from assay.attacks.pgd import pgd
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import STEPS, fallen, few, new_falls


@check("gradients", "stillness", "survivors")
def step_doubling(case: Case) -> Finding:
    """PGD on the margin of N and of 2 N steps, on survivors (Carlini et al. 2019, arXiv 1902.06705, §5.4)."""
    rows = few(case)
    once = fallen(case, rows, pgd, steps=STEPS)
    twice = fallen(case, rows, pgd, steps=2 * STEPS)
    evidence = {"looked": len(rows), "once": int(once.sum()), "twice": int(twice.sum())}
    said = f"of {len(rows)} survivors {int(once.sum())} fall to {STEPS} steps of PGD, {int(twice.sum())} to {2 * STEPS}"
    light = new_falls(case, once | twice)
    return found(light, said if light == "green" else f"{said}: the suite had stopped too early", **evidence)

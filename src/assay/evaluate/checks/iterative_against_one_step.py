"""Does one big step break what many small ones could not? It never should: the small ones can go the same way."""

from assay.attacks.fgsm import fgsm
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import WEAKER, fallen, few, new_falls


@check("gradients", "stillness", "survivors")
def iterative_against_one_step(case: Case) -> Finding:
    """FGSM, of ce and of the margin, on survivors (Athalye et al. 2018, arXiv 1802.00420, §3.1, first behaviour)."""
    rows = few(case)
    fell = fallen(case, rows, fgsm, loss="ce") | fallen(case, rows, fgsm, loss="margin")
    light = new_falls(case, fell, WEAKER)
    said = f"{int(fell.sum())} of {len(rows)} survivors of the suite fall to one step of size eps"
    said = said if light == "green" else f"{said}: the steps of the suite are led astray"
    return found(light, said, looked=len(rows), fell=int(fell.sum()))

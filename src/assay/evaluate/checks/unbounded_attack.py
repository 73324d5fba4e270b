"""Does an attack that may change everything win? If it does not, it does not work on this model, at no eps."""

from assay.attacks.pgd import pgd
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import FEW, everything, excess, fallen, largest

STEPS = 20


@check("gradients", "stillness")
def unbounded_attack(case: Case) -> Finding:
    """PGD on the margin in the whole box, from the image itself (Carlini et al. 2019, arXiv 1902.06705, §5.2; Athalye
    et al. 2018, §3.1, third behaviour).

    Not from a random start: random pixels are of one class, which would leave chance alone standing, gradients or no.
    """
    rows = everything(case)[:FEW]
    threat = case.threat.at(largest(case))
    left = ~fallen(case, rows, pgd, threat=threat, steps=STEPS, random_start=False)
    light = excess(int(left.sum()), len(rows))
    said = f"{int(left.sum())} of {len(rows)} images stand when PGD may change every pixel at will"
    said = said if light == "green" else f"{said}: its gradients lead nowhere"
    return found(light, said, looked=len(rows), left=int(left.sum()))

"""Does an attack that sees scores alone break what those with gradients did not? Then the gradients mislead."""

import math

from assay.adversary.threat import Threat, l2
from assay.attacks.square import square
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import WEAKER, fallen, few, new_falls

QUERIES = 300  # far fewer than the thousands that would make it strong: whoever falls to these was easy


@check("scores", "stillness", "survivors")
def white_box_against_black_box(case: Case) -> Finding:
    """Square, from stripes, on survivors (Athalye et al. 2018, arXiv 1802.00420, §3.1, second behaviour; AutoAttack's
    flag, flags_doc.md)."""
    rows = few(case)
    fell = fallen(case, rows, square, threat=_known(case), steps=QUERIES)
    light = new_falls(case, fell, WEAKER)
    said = f"{int(fell.sum())} of {len(rows)} survivors fall to Square, which has no gradients, in {QUERIES} queries"
    said = said if light == "green" else f"{said}: the gradients lead the suite astray"
    return found(light, said, looked=len(rows), fell=int(fell.sum()), queries=QUERIES)


def _known(case: Case) -> Threat:
    """The threat, or the largest l2 ball in that of l1, which Square does not know: |x|₁ ≤ √d |x|₂."""
    if case.threat.norm.name in ("linf", "l2"):
        return case.threat
    return l2(case.eps / math.sqrt(math.prod(case.images.shape[1:])), case.threat.box)

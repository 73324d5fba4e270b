"""The examination of an attack: every check, the most telling first, and what they have found."""

from collections.abc import Callable

from assay.adversary.yours import Yours
from assay.doctor import of_invariance, of_manners, of_strength
from assay.doctor.examination import Claim, Clock, Examination, examination
from assay.doctor.findings import Diagnosis, Finding, worst_first
from assay.doctor.linear import Norm

LOST = ("returns-nan", "returns-blank")  # some images are, the others can be examined
FULL, QUICK = 45.0, 3.0  # seconds
Check = Callable[[Examination], list[Finding]]
CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        of_strength.answers,
        of_strength.budget,
        of_invariance.corners,
        of_strength.linear,
        of_manners.losses,
        of_strength.near,
        of_strength.curved,
        of_manners.way,
        of_strength.zero_eps,
        of_manners.modes,
        of_manners.traces,
        of_manners.again,
        of_manners.failures,
        of_manners.claims,
        of_invariance.company,
        of_strength.right_again,
        of_invariance.targeted,
        of_invariance.twins,
        of_invariance.scales,
        of_strength.more_eps,
        of_invariance.steps,
        of_invariance.shapes,
        of_strength.scattered,
        of_invariance.class_order,
        of_strength.spent,
    )
}


def examine_attack(
    attack: Yours,
    *,
    norm: Norm | None = None,
    eps: float | None = None,
    claims: Claim | None = None,
    quick: bool = False,
) -> Diagnosis:
    """Everything that can be found out about an attack by running it; checks for which no time is left are named."""
    clock = Clock(QUICK if quick else FULL)
    case = examination(attack, norm, eps, claims, clock.seconds)
    findings: list[Finding] = []
    made: list[str] = []
    skipped: list[str] = []
    for name, check in CHECKS.items():
        if clock.left <= 0 and made:
            skipped.append(name)
            continue
        found = check(case)
        findings += found
        made.append(name)
        if name == "answers" and any(each.name not in LOST for each in found):
            break  # there is nothing to examine
    if len({each.name for each in findings if each.severity != "note"}) > 1:
        findings = [each for each in findings if each.name != "spends-too-little"]  # a symptom of any of the others
    about = f"{case.claims}, {case.norm}({case.eps:.4g})" if case.spends else f"minimum, {case.norm}"
    return Diagnosis(attack.name, about, worst_first(findings), tuple(made), tuple(skipped), clock.spent)

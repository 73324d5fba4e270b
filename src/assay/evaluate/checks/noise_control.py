"""Is the suite better than random noise of the same size? What noise breaks, any attack must break."""

from assay.attacks.noise import noise
from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import WEAKER, everything, excess, fallen, new_falls, share

RESTARTS = 8
NEARLY = 0.5  # of what the suite breaks: an attack that knows the model breaks more than twice of what blind noise does


@check("scores", "stillness")
def noise_control(case: Case) -> Finding:
    """Several draws of noise of size eps, on all images (Carlini et al. 2019, arXiv 1902.06705, §5.2)."""
    rows = everything(case)
    one, fell = (fallen(case, rows, noise, restarts=restarts) for restarts in (1, RESTARTS))
    new = fell[case.survivors]
    evidence = {"noise": share(one), "noise_any": share(fell), "suite": share(case.broken), "new": int(new.sum())}
    light = new_falls(case, new, WEAKER)
    if light != "green":
        said = f"{int(new.sum())} of {len(new)} survivors of the suite fall to random noise of the same size"
        return found(light, said, **evidence)
    broken, standing = int(case.broken.sum()), len(case.survivors)
    close = int(one.sum()) > NEARLY * broken and excess(int(one.sum()), len(rows)) == "red"
    if close and excess(standing, len(rows)) != "green":
        said = f"the suite breaks {broken} of {len(rows)} images and one draw of random noise {int(one.sum())}"
        return found("amber", f"{said}: it should be far ahead", **evidence)
    said = f"noise of the same size breaks {share(one):.0%}, the suite {share(case.broken):.0%}"
    return found("green", said, **evidence)

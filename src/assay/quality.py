"""Is a map true? Every figure and verdict, from the numbers per image alone: what explain writes and the report shows.

The arrays, a row for each image; those of the checks that ask the method again are of the first rows only:
    index explained probability
    deletion.method .edges .random .moved, and the same of insertion   (n, steps + 1) probability of the class
    randomisation (m, stages)   rank correlation of the map with itself, after weights are drawn anew
    stability (m, times)        the same, after the image has moved a little
    completeness.sum completeness.change   (n,) of maps that promise to add up to a change of the answer

The thresholds stand here, once. How real networks lie to them is in docs/is-the-map-true.md.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy import stats

Arrays = Mapping[str, np.ndarray]
Verdict = Literal["passed", "failed", "no evidence"]
Mark = Literal["do not trust", "not enough evidence", "nothing against it"]
CURVES = ("deletion", "insertion")
ORDERS = ("method", "edges", "random", "moved")
CHECKS = (*CURVES, "randomisation", "stability", "completeness")
FEWEST = 8  # images: of fewer, the interval of a mean is as wide as the differences between good maps and bad
ROOM = 0.2  # of probability: if the whole image moves the answer by less, no order of its pixels can show much
MATTERS = 0.05  # of that room: random maps gain up to 0.03 by luck of 32 images; usual maps 0.05 to 0.6
SAME = 0.5  # rank correlation: a map like this is still half the old one; gradients fall to 0.3 and below, edges keep 1
STEADY = 0.5  # rank correlation under noise that nobody sees; usual maps keep 0.7 and more, random ones 0
GAP = 0.1  # of the change that a map adds up to: a sum of fewer steps than it needs is off by more


@dataclass(frozen=True)
class Finding:
    """What one check found: a mean over n images, its 95 % interval, what is wanted of it, and the verdict in words.

    low and high are None where there are too few images for an interval. against: of the curves, the mean, low and
    high of the same difference to an edge detector and to random pixels.
    """

    check: str
    n: int
    value: float
    low: float | None
    high: float | None
    wanted: str
    verdict: Verdict
    because: str
    against: Mapping[str, list[float | None]] | None = None


def judge(arrays: Arrays) -> dict[str, Any]:
    """The findings of whatever checks there are numbers of, the mark that follows, and why."""
    findings = [_curve(name, arrays) for name in CURVES if f"{name}.method" in arrays]
    findings += [_randomisation(arrays)] if "randomisation" in arrays else []
    findings += [_stability(arrays)] if "stability" in arrays else []
    findings += [_completeness(arrays)] if "completeness.sum" in arrays else []
    mark: Mark = "nothing against it"
    if any(finding.verdict == "no evidence" for finding in findings) or not findings:
        mark = "not enough evidence"
    if any(finding.verdict == "failed" for finding in findings):
        mark = "do not trust"
    decisive = {"do not trust": "failed", "not enough evidence": "no evidence"}.get(mark)
    because = [finding.because for finding in findings if finding.verdict == decisive]
    return {"mark": mark, "because": because, "checks": [asdict(finding) for finding in findings]}


def area(curve: np.ndarray) -> np.ndarray:
    """Under each curve `(n, steps + 1)`, over the share of pixels from 0 to 1, by trapezoids."""
    found: np.ndarray = (curve[:, 1:] + curve[:, :-1]).astype(float).mean(1) / 2
    return found


def interval(values: np.ndarray) -> tuple[float, float | None, float | None]:
    """The mean and its 95 % interval by Student's t; no interval of fewer than two."""
    n, mean = len(values), float(values.mean())
    if n < 2:
        return mean, None, None
    half = float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def _curve(name: str, arrays: Arrays) -> Finding:
    own, edges, random, moved = (arrays[f"{name}.{order}"] for order in ORDERS)
    sign = -1 if name == "deletion" else 1
    value, low, high = interval(sign * (area(own) - area(moved)))
    against = {
        "edges": list(interval(sign * (area(own) - area(edges)))),
        "random": list(interval(sign * (area(own) - area(random)))),
    }
    room = abs(float((own[:, 0] - own[:, -1]).astype(float).mean()))
    areas = f"area {area(own).mean():.2f} against {area(moved).mean():.2f}"
    bar = MATTERS * room
    moves = "falls" if name == "deletion" else "comes back"
    verdict: Verdict = "no evidence"
    if few := _few(len(own)):
        because = few
    elif room < ROOM:
        because = f"all pixels together move the probability by {room:.2f}: too little to tell orders apart"
    elif _above(low, 0) and value > bar:
        verdict, because = "passed", f"the answer {moves} faster than if the map is put elsewhere, {areas}"
    elif _below(high, 0):
        swapped = "what it calls important may be the unimportant"
        verdict = "failed"
        because = f"the answer {moves} more slowly than if the map is put elsewhere, {areas}: {swapped}"
    elif _below(high, bar):
        verdict, because = "failed", f"the answer {moves} no faster than if the map is put elsewhere, {areas}"
    else:
        because = f"{len(own)} images do not tell whether the answer {moves} faster than if the map is put elsewhere"
        because += f", {areas}"
    if verdict == "passed" and not _above(against["edges"][1], 0):
        than = "slower than" if _below(against["edges"][2], 0) else "no faster than"
        because += f"; but {than} by the pixels of an edge detector, which knows nothing of the model"
    wanted = f"above {bar:.3f}, with all its interval above 0"
    return Finding(name, len(own), value, low, high, wanted, verdict, f"{name}: {because}", against)


def _randomisation(arrays: Arrays) -> Finding:
    """The last stage decides: of what was learnt no weight is left, but each tensor's mean and spread."""
    alike = arrays["randomisation"][:, -1]
    stays = _alike(float(alike.mean()))
    says: dict[Verdict, str] = {
        "passed": "the map becomes another when all weights are drawn anew ({value:.2f})",
        "failed": f"the map stays {stays} when all weights are drawn anew: the model is not in it",
        "no evidence": "whether the map becomes another with the weights, {n} images do not tell ({value:.2f})",
    }
    return _held("randomisation", alike, SAME, "below", says)


def _stability(arrays: Arrays) -> Finding:
    """Of each image the noise that changes its map most."""
    says: dict[Verdict, str] = {
        "passed": "noise that nobody sees leaves the map as it is ({value:.2f})",
        "failed": "noise that nobody sees makes another map ({value:.2f})",
        "no evidence": "whether the map bears noise that nobody sees, {n} images do not tell ({value:.2f})",
    }
    return _held("stability", arrays["stability"].min(1), STEADY, "above", says)


def _completeness(arrays: Arrays) -> Finding:
    """Between sum and change, over the mean size of the changes: some may change nothing."""
    total, change = (arrays[f"completeness.{name}"].astype(float) for name in ("sum", "change"))
    size = float(np.abs(change).mean())
    says: dict[Verdict, str] = {
        "passed": "the map adds up to the change of the answer, off by {value:.1%}",
        "failed": "the map does not add up to the change of the answer, off by {value:.1%}",
        "no evidence": "whether the map adds up, {n} images do not tell, off by {value:.1%}",
    }
    found = _held("completeness", np.abs(total - change) / (size or 1.0), GAP, "below", says)
    if size or _few(found.n):
        return found
    nothing = "completeness: the answer is the same without the image: nothing to add up to"
    return replace(found, verdict="no evidence", because=nothing)


def _held(
    check: str, values: np.ndarray, bar: float, side: Literal["below", "above"], says: Mapping[Verdict, str]
) -> Finding:
    """Whether the mean is on that side of a bar with all of its interval; says: the sentence of each verdict."""
    value, low, high = interval(values)
    on = {"below": _below(high, bar), "above": _above(low, bar)}
    few = _few(len(values))
    verdict: Verdict = "no evidence"
    if any(on.values()) and not few:
        verdict = "passed" if on[side] else "failed"
    because = few or says[verdict].format(value=value, n=len(values))
    return Finding(check, len(values), value, low, high, f"{side} {bar}", verdict, f"{check}: {because}")


def _few(n: int) -> str:
    return f"{n} image{'s' if n != 1 else ''}, at least {FEWEST} wanted" if n < FEWEST else ""


def _above(low: float | None, bar: float) -> bool:
    return low is not None and low > bar


def _below(high: float | None, bar: float) -> bool:
    return high is not None and high < bar


def _alike(value: float) -> str:
    return "the same" if value > 0.995 else f"much the same ({value:.2f})"

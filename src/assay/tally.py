"""Every figure, from the per-image table alone: what evaluate writes, the report shows and anybody can recompute.

A table is columns by name, a row for each image:
    index label clean_prediction clean_confidence clean_rank (how many classes were thought likelier than the label)
    eps_certified (where bounds are known: the largest eps at which no attack whatever breaks it, 0 for none)
    and for each attack and eps, under "ATTACK@EPS:", verdict prediction confidence size l2 linf ssim
Verdicts: wrong (already on the clean image), robust, broken, fault (never counts as robust), exempt (the image is of
the class that the attack aims at).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

Table = Mapping[str, np.ndarray]
VERDICTS = ("wrong", "robust", "broken", "fault", "exempt")
TOP = 5  # classes among which the right one counts as found
STANDS = ("robust", "exempt")
CERTIFIED = "eps_certified"
BINS = 15  # of a reliability diagram, as Guo et al. 2017 (arXiv 1706.04599) have it
NORMAL = 1.959963984540054  # standard deviations to each side that hold 95 %


def column(attack: str, eps: float, what: str) -> str:
    """The name of a column."""
    return f"{attack}@{eps!r}:{what}"


def share(hits: np.ndarray) -> dict[str, Any]:
    """count, n, the share, and its Wilson 95 % interval (Wilson 1927)."""
    count, n = int(hits.sum()), len(hits)
    interval = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    return {"count": count, "n": n, "share": count / n, "low": float(interval.low), "high": float(interval.high)}


def moved(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """How far each row moves, of its size: |a′ − a| / |a| with the Euclidean length; 0 where nothing moves."""
    before = clean.reshape(len(clean), -1).astype(np.float64)
    far = np.linalg.norm(attacked.reshape(before.shape).astype(np.float64) - before, axis=1)
    found: np.ndarray = np.divide(far, np.maximum(np.linalg.norm(before, axis=1), 1e-12))
    return found


def moved_words(arrays: Table, layers: Sequence[str]) -> list[str]:
    """Of an explanation with attacked twins a line for the images and for each layer."""
    pairs = [("image", arrays["images"] / 255, arrays["attacked"])]
    pairs += [(name, arrays[f"map.{name}"], arrays[f"attacked.{name}"]) for name in layers]
    shares = [(name, moved(clean, attacked)) for name, clean, attacked in pairs]
    return [
        f"{name}: moved by {far.mean():.2g} of its size, {far.min():.2g} to {far.max():.2g}" for name, far in shares
    ]


def tally(table: Table, attacks: Sequence[str], epsilons: Sequence[float], classes: int) -> dict[str, Any]:
    """All figures of an evaluation."""
    right = table["clean_prediction"] == table["label"]
    return {
        "clean": share(right),
        "top5": share((table["clean_rank"] < TOP) & (table["clean_prediction"] >= 0)),
        "per_class": per_class(table, classes),
        "attacks": [_attack(table, attack, eps) for attack in attacks for eps in epsilons],
        "robust": [{"eps": eps, **share(stands(table, attacks, epsilons, eps))} for eps in epsilons],
        "certified": [{"eps": eps, **share(proven(table, eps))} for eps in epsilons] if CERTIFIED in table else None,
        "faults": sum(int((_verdict(table, attack, eps) == "fault").sum()) for attack in attacks for eps in epsilons),
        "smallest_eps": _smallest_eps(table, attacks, epsilons),
        "calibration": calibration(table, attacks, epsilons),
    }


def per_class(table: Table, classes: int) -> list[dict[str, Any]]:
    """Of each class, on clean images: n, recall (its accuracy), precision, F1; None where it is 0 / 0."""
    found = precision_recall_fscore_support(
        table["label"], table["clean_prediction"], labels=range(classes), zero_division=np.nan
    )
    rows = zip(*(np.asarray(values).tolist() for values in found), strict=True)
    names = ("precision", "recall", "f1")
    return [
        {"n": int(n)} | {name: None if np.isnan(value) else value for name, value in zip(names, values, strict=True)}
        for *values, n in rows
    ]


def confusion(table: Table, classes: int) -> np.ndarray:
    """How often each class (row) was taken for each (column), on clean images."""
    found: np.ndarray = confusion_matrix(table["label"], table["clean_prediction"], labels=range(classes))
    return found


def stands(table: Table, attacks: Iterable[str], epsilons: Iterable[float], eps: float) -> np.ndarray:
    """Whether each image is right and survives every attack of at most that eps: its worst case.

    What breaks an image within a smaller eps breaks it within this one too.
    """
    alive: np.ndarray = table["clean_prediction"] == table["label"]
    for attack in attacks:
        for smaller in epsilons:
            if smaller <= eps:
                alive = alive & np.isin(_verdict(table, attack, smaller), STANDS)
    return alive


def proven(table: Table, eps: float) -> np.ndarray:
    """Whether each image is right, and it is proven that no attack of that eps can change it."""
    found: np.ndarray = (table["clean_prediction"] == table["label"]) & (table[CERTIFIED] >= eps) & (eps > 0)
    return found


def brackets(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Of each image the largest eps that it survived and the smallest that broke it: 0, 0 if wrong, inf if none."""
    low, high = np.zeros(len(table["label"])), np.full(len(table["label"]), np.inf)
    for eps in sorted(epsilons):
        alive = stands(table, attacks, epsilons, eps)
        low = np.where(alive & np.isinf(high), eps, low)
        high = np.where(~alive & np.isinf(high), eps, high)
    high = np.where(table["clean_prediction"] == table["label"], high, 0.0)
    return low, high


def first_breaker(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> np.ndarray:
    """The first attack, in the order given, that broke each image at the smallest eps that did; "" for none."""
    first = np.full(len(table["label"]), "", dtype=object)
    for eps in sorted(epsilons):
        for attack in attacks:
            first[(_verdict(table, attack, eps) == "broken") & (first == "")] = attack
    return first


def calibration(table: Table, attacks: Iterable[str], epsilons: Sequence[float]) -> dict[str, Any]:
    """Whether the model is as often right as it is sure, on the n clean images that it has an answer for.

    Twice: with bins of equal width, which papers mean by ECE (arXiv 1706.04599), and with bins of equal mass, which few
    images bias less (Roelofs et al. 2022, arXiv 2012.08668). brier: the mean square of confidence less right (1 or 0),
    of the predicted class alone; the table does not hold what the other classes got, so that there is no likelihood.
    mean: the mean confidence. fooled: of the images that each attack broke, how sure the model is then, and was before.
    """
    known = (table["clean_prediction"] >= 0) & _possible(table["clean_confidence"])
    sure = table["clean_confidence"][known].astype(np.float64)
    right = (table["clean_prediction"] == table["label"])[known]
    places = np.linspace(0, 1, BINS + 1)
    return {
        "n": len(sure),
        "equal_width": reliability(sure, right, places),
        "equal_mass": reliability(sure, right, np.quantile(sure, places) if len(sure) else places),
        "brier": _mean((sure - right) ** 2),
        "mean": {"all": _mean(sure), "right": _mean(sure[right]), "wrong": _mean(sure[~right])},
        "fooled": [_fooled(table, attack, eps) for attack in attacks for eps in epsilons],
    }


def reliability(sure: np.ndarray, right: np.ndarray, edges: np.ndarray) -> dict[str, Any]:
    """The bins, from above an edge to the next, that are not empty, and the expected calibration error (ECE).

    ECE is the mean, over images, of how far accuracy and confidence lie apart in their bin. Its interval is that of a
    mean whose signs are known (1.96 standard errors): too narrow where the two hardly differ. What chance alone would
    make of it is said beside it: by_chance, the expectation for a model of these confidences that is calibrated,
    √(2/π) of the standard deviation of each bin (normal approximation).
    """
    if not len(sure):
        return {"bins": [], "ece": None, "low": None, "high": None, "by_chance": None}
    place = np.searchsorted(edges[1:-1], sure)
    count, confidence = np.bincount(place, minlength=BINS), np.bincount(place, sure, BINS)
    gap = np.bincount(place, sure - right, BINS)
    chance = np.sqrt(np.bincount(place, sure * (1 - sure), BINS)).sum() * np.sqrt(2 / np.pi) / len(sure)
    ece = float(np.abs(gap).sum() / len(sure))
    error = NORMAL * float((np.sign(gap)[place] * (sure - right)).std() / np.sqrt(len(sure)))
    bins = [
        {"from": float(edges[one]), "to": float(edges[one + 1]), "confidence": float(confidence[one] / count[one])}
        | share(right[place == one])
        for one in np.flatnonzero(count)
    ]
    return {"bins": bins, "ece": ece, "low": max(0.0, ece - error), "high": ece + error, "by_chance": float(chance)}


def corrupted(table: Table, corruptions: Sequence[str], strengths: Sequence[int]) -> dict[str, Any]:
    """Accuracy and calibration on corrupted images (columns "CORRUPTION@STRENGTH:prediction" and confidence).

    mean: accuracy over all corruptions and strengths, each weighing the same; its interval is that of n images, since
    one image under thirty corruptions is no thirty images. each: the same of one corruption.
    """
    right = table["clean_prediction"] == table["label"]
    return {
        "clean": share(right),
        "mean": mean_of(kept(table, corruptions, strengths)),
        "each": [{"corruption": name, **mean_of(kept(table, [name], strengths))} for name in corruptions],
        "lines": [_corrupted(table, name, strength) for name in corruptions for strength in strengths],
    }


def kept(table: Table, corruptions: Iterable[str], strengths: Sequence[int]) -> np.ndarray:
    """Of each image the share of corruptions and strengths under which it is right."""
    pairs = [(name, strength) for name in corruptions for strength in strengths]
    hits = [table[column(*pair, "prediction")] == table["label"] for pair in pairs]
    found: np.ndarray = np.mean(hits, axis=0)
    return found


def mean_of(values: np.ndarray) -> dict[str, Any]:
    """n, the mean of values of [0, 1] as `share`, and Wilson's interval, which is never too narrow for such a mean:
    their variance is at most that of as many answers of yes or no."""
    n, mean, square = len(values), float(values.mean()), NORMAL**2
    half = NORMAL * float(np.sqrt(n * mean * (1 - mean) + square / 4)) / (n + square)
    centre = (n * mean + square / 2) / (n + square)
    return {"n": n, "share": mean, "low": max(0.0, centre - half), "high": min(1.0, centre + half)}


def paired_mean(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Two shares of each image, and their mean difference with 1.96 standard errors of it: the images are the same."""
    difference = after - before
    gained, error = float(difference.mean()), NORMAL * float(difference.std() / np.sqrt(len(difference)))
    about = {"gained": gained, "low": gained - error, "high": gained + error}
    return {"before": mean_of(before), "after": mean_of(after), **about}


def passes(cost: Mapping[str, Any], line: Mapping[str, Any]) -> float:
    """Images through the model, forward and backward, for each image that the attack of that line attacked."""
    return float(cost["forwards"] + cost["backwards"]) / max(1, line["attacked"])


def paired(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Two yes/no answers on the same images, and McNemar's exact test of whether one is more often yes."""
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    changed = gained + lost
    p = float(stats.binomtest(gained, changed).pvalue) if changed else 1.0
    return {"before": share(before), "after": share(after), "gained": gained, "lost": lost, "p": p}


def worth(line: Mapping[str, Any]) -> tuple[float, ...]:
    """What an epoch is chosen by, on validation images: what is certified, then what is robust, then accuracy.

    While eps still grows an epoch is worth less than any after it.
    """
    measured = (line.get(f"validation_{what}", 0.0) for what in ("certified", "robust", "accuracy"))
    return (float(line.get("growth", 1.0) >= 1), *map(float, measured))


def kept_epoch(keep: str, history: Sequence[Mapping[str, Any]]) -> int:
    """The epoch whose weights are kept, counted from 1; of two as good ones the first."""
    if keep == "last":
        return len(history)
    return max(range(len(history)), key=lambda place: (worth(history[place]), -place)) + 1


def _attack(table: Table, attack: str, eps: float) -> dict[str, Any]:
    verdict = _verdict(table, attack, eps)
    broken, attacked = verdict == "broken", np.isin(verdict, ("broken", "robust", "fault"))
    measured = broken | (verdict == "robust")
    looks = {name: table[column(attack, eps, name)][measured] for name in ("l2", "linf", "ssim")}
    return {
        "attack": attack,
        "eps": eps,
        **share(np.isin(verdict, STANDS)),
        "attacked": int(attacked.sum()),
        "broken": int(broken.sum()),
        "faults": int((verdict == "fault").sum()),
        **{f"mean_{name}": float(values.mean()) if len(values) else None for name, values in looks.items()},
    }


def _corrupted(table: Table, name: str, strength: int) -> dict[str, Any]:
    said, sure = (table[column(name, strength, what)] for what in ("prediction", "confidence"))
    alone = {"label": table["label"], "clean_prediction": said, "clean_confidence": sure}
    found = calibration(alone, (), ())
    calibrated = {"ece": found["equal_width"]["ece"], "confidence": found["mean"]["all"]}
    return {"corruption": name, "strength": strength, **share(said == table["label"]), **calibrated}


def _fooled(table: Table, attack: str, eps: float) -> dict[str, Any]:
    sure, before = table[column(attack, eps, "confidence")], table["clean_confidence"]
    broken = (_verdict(table, attack, eps) == "broken") & _possible(sure) & _possible(before)
    means = {"confidence": _mean(sure[broken]), "before": _mean(before[broken])}
    return {"attack": attack, "eps": eps, "n": int(broken.sum()), **means, "surer": int((sure > before)[broken].sum())}


def _possible(confidence: np.ndarray) -> np.ndarray:
    found: np.ndarray = (confidence >= 0) & (confidence <= 1)
    return found


def _mean(values: np.ndarray) -> float | None:
    return float(values.astype(np.float64).mean()) if len(values) else None


def _smallest_eps(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> dict[str, Any] | None:
    """Between which two eps half of the images have fallen; None where more than half outlive them all."""
    if not attacks:
        return None
    low, high = (np.sort(side)[len(side) // 2] for side in brackets(table, attacks, epsilons))
    return {"median_low": float(low), "median_high": float(high)} if np.isfinite(high) else None


def _verdict(table: Table, attack: str, eps: float) -> np.ndarray:
    return table[column(attack, eps, "verdict")]

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


def _smallest_eps(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> dict[str, Any] | None:
    """Between which two eps half of the images have fallen; None where more than half outlive them all."""
    if not attacks:
        return None
    low, high = (np.sort(side)[len(side) // 2] for side in brackets(table, attacks, epsilons))
    return {"median_low": float(low), "median_high": float(high)} if np.isfinite(high) else None


def _verdict(table: Table, attack: str, eps: float) -> np.ndarray:
    return table[column(attack, eps, "verdict")]

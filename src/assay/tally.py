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
PAIRS = 12  # of classes that are told apart under attack
TOLD = (0.1, 0.25, 0.5, 0.75, 0.9)
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
        "smallest_change": smallest_change(table, attacks, epsilons) if attacks else None,
        "fallen": [{"eps": eps, **fell} for eps in epsilons if (fell := fallen_by(table, attacks, epsilons, eps))],
        "becomes": [{"eps": eps, "pairs": becomes(table, attacks, epsilons, eps, classes)} for eps in epsilons],
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


def changes(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> np.ndarray:
    """Of each image that was attacked the size of the smallest change that broke it, in no order; inf if none did."""
    found = np.full(len(table["label"]), np.inf)
    for attack in attacks:
        for eps in epsilons:
            broken = _verdict(table, attack, eps) == "broken"
            size = table[column(attack, eps, "size")]
            found = np.where(broken, np.minimum(found, size), found)
    return found[_attacked(table, attacks, epsilons)]


def smallest_change(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> dict[str, Any]:
    """How many images were attacked, how many something broke, and the sizes of the smallest changes that did.

    A tenth, a quarter, half, … fall to a change of that size; None where the attacks broke fewer. low and high are
    the median's 95 % interval by order statistics, which assumes nothing of the distribution.
    """
    sizes = np.sort(changes(table, attacks, epsilons))
    n = len(sizes)
    shares = [{"share": share, "size": _size(sizes, int(np.ceil(share * n)) - 1)} for share in TOLD]
    below = int(stats.binom.ppf(0.025, n, 0.5)) if n else 0
    ends = {"low": _size(sizes, below - 1) if below else None, "high": _size(sizes, n - below)}
    return {"n": n, "broken": int(np.isfinite(sizes).sum()), "shares": shares, **ends}


def fallen_by(table: Table, attacks: Sequence[str], epsilons: Sequence[float], eps: float) -> dict[str, Any] | None:
    """The share of the images attacked that something within eps broke; None where none was attacked."""
    rows = _attacked(table, attacks, epsilons) if attacks else np.zeros(0, bool)
    return share(~stands(table, attacks, epsilons, eps)[rows]) if rows.any() else None


def _size(sizes: np.ndarray, place: int) -> float | None:
    return float(sizes[place]) if 0 <= place < len(sizes) and np.isfinite(sizes[place]) else None


def attacked_confusion(
    table: Table, attacks: Sequence[str], epsilons: Sequence[float], eps: float, classes: int
) -> np.ndarray:
    """What the images that were right are taken for at most eps later: class (row) by class (column).

    An image that is broken counts for what it was taken for when it was first broken; one that is not, for its own
    class. An answer that was a fault is no answer, and is left out.
    """
    said = np.where(_attacked(table, attacks, epsilons), table["label"], -1)
    open_rows = said >= 0
    for smaller in sorted(one for one in epsilons if one <= eps):
        for attack in attacks:
            fell = open_rows & (_verdict(table, attack, smaller) == "broken")
            said = np.where(fell, table[column(attack, smaller, "prediction")], said)
            open_rows = open_rows & ~fell
    faulty = open_rows & ~stands(table, attacks, epsilons, eps)
    rows = (said >= 0) & ~faulty
    found = np.zeros((classes, classes), int)
    np.add.at(found, (table["label"][rows], said[rows]), 1)
    return found


def becomes(
    table: Table, attacks: Sequence[str], epsilons: Sequence[float], eps: float, classes: int
) -> list[dict[str, Any]]:
    """The pairs of classes of which most images go from the one to the other under attack, with the share that does."""
    if not attacks:
        return []
    matrix = attacked_confusion(table, attacks, epsilons, eps, classes)
    counts, wrong = matrix.sum(1), matrix.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    pairs = zip(*(part.tolist() for part in np.unravel_index(order, wrong.shape)), strict=True)
    return [
        {"label": row, "taken_for": column, **share(np.arange(counts[row]) < wrong[row, column])}
        for row, column in pairs
        if wrong[row, column]
    ]


def _attacked(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> np.ndarray:
    """Whether each image was right, and an attack was tried on it."""
    right: np.ndarray = table["clean_prediction"] == table["label"]
    return right & (_verdict(table, attacks[0], epsilons[0]) != "exempt")


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


def fallen(verdicts: np.ndarray) -> dict[str, int]:
    """Of pictures how many are broken, and how many there are."""
    return {"count": int((verdicts == "broken").sum()), "n": len(verdicts)}


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

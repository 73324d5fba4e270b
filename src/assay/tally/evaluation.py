"""All figures of an evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from assay.tally.calibration import calibration
from assay.tally.falls import becomes, fallen_by, smallest_change
from assay.tally.table import CERTIFIED, STANDS, Table, brackets, column, proven, share, stands, verdicts

TOP = 5  # classes among which the right one counts as found


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
        "faults": sum(int((verdicts(table, attack, eps) == "fault").sum()) for attack in attacks for eps in epsilons),
        "smallest_eps": _smallest_eps(table, attacks, epsilons),
        "calibration": calibration(table, attacks, epsilons),
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


def passes(cost: Mapping[str, Any], line: Mapping[str, Any]) -> float:
    """Images through the model, forward and backward, for each image that the attack of that line attacked."""
    return float(cost["forwards"] + cost["backwards"]) / max(1, line["attacked"])


def _attack(table: Table, attack: str, eps: float) -> dict[str, Any]:
    verdict = verdicts(table, attack, eps)
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
    """Between which two eps half of the images have fallen; None where half or more outlive them all."""
    if not attacks:
        return None
    low, high = (np.sort(side)[len(side) // 2] for side in brackets(table, attacks, epsilons))
    return {"median_low": float(low), "median_high": float(high)} if np.isfinite(high) else None

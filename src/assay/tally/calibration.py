"""Whether a model is as often right as it is sure."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from assay.tally.interval import NORMAL
from assay.tally.table import Table, column, share, verdicts

BINS = 15  # of a reliability diagram, as Guo et al. 2017 (arXiv 1706.04599) have it


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


def _fooled(table: Table, attack: str, eps: float) -> dict[str, Any]:
    sure, before = table[column(attack, eps, "confidence")], table["clean_confidence"]
    broken = (verdicts(table, attack, eps) == "broken") & _possible(sure) & _possible(before)
    means = {"confidence": _mean(sure[broken]), "before": _mean(before[broken])}
    return {"attack": attack, "eps": eps, "n": int(broken.sum()), **means, "surer": int((sure > before)[broken].sum())}


def _possible(confidence: np.ndarray) -> np.ndarray:
    found: np.ndarray = (confidence >= 0) & (confidence <= 1)
    return found


def _mean(values: np.ndarray) -> float | None:
    return float(values.astype(np.float64).mean()) if len(values) else None

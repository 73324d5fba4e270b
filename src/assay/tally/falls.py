"""What breaks first: the smallest changes that did, and what each class becomes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from assay.tally.table import Table, column, share, stands, verdicts

PAIRS = 12  # of classes that are told apart under attack
TOLD = (0.1, 0.25, 0.5, 0.75, 0.9)


def changes(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> np.ndarray:
    """Of each image that was attacked the size of the smallest change that broke it, in no order; inf if none did."""
    found = np.full(len(table["label"]), np.inf)
    for attack in attacks:
        for eps in epsilons:
            broken = verdicts(table, attack, eps) == "broken"
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
            fell = open_rows & (verdicts(table, attack, smaller) == "broken")
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


def _size(sizes: np.ndarray, place: int) -> float | None:
    return float(sizes[place]) if 0 <= place < len(sizes) and np.isfinite(sizes[place]) else None


def _attacked(table: Table, attacks: Sequence[str], epsilons: Sequence[float]) -> np.ndarray:
    """Whether each image was right, and an attack was tried on it."""
    right: np.ndarray = table["clean_prediction"] == table["label"]
    return right & (verdicts(table, attacks[0], epsilons[0]) != "exempt")

"""The per-image table: what is in it, and the questions that are asked of it everywhere.

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

from assay.tally.interval import wilson

Table = Mapping[str, np.ndarray]
VERDICTS = ("wrong", "robust", "broken", "fault", "exempt")
STANDS = ("robust", "exempt")
CERTIFIED = "eps_certified"


def column(attack: str, eps: float, what: str) -> str:
    """The name of a column."""
    return f"{attack}@{eps!r}:{what}"


def verdicts(table: Table, attack: str, eps: float) -> np.ndarray:
    """Of each image, of one attack at one eps."""
    return table[column(attack, eps, "verdict")]


def share(hits: np.ndarray) -> dict[str, Any]:
    """count, n, the share, and its Wilson 95 % interval (Wilson 1927)."""
    count, n = int(hits.sum()), len(hits)
    low, high = wilson(count / max(n, 1), n)
    return {"count": count, "n": n, "share": count / n, "low": low, "high": high}


def stands(table: Table, attacks: Iterable[str], epsilons: Iterable[float], eps: float) -> np.ndarray:
    """Whether each image is right and survives every attack of at most that eps: its worst case.

    What breaks an image within a smaller eps breaks it within this one too.
    """
    alive: np.ndarray = table["clean_prediction"] == table["label"]
    for attack in attacks:
        for smaller in epsilons:
            if smaller <= eps:
                alive = alive & np.isin(verdicts(table, attack, smaller), STANDS)
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
            first[(verdicts(table, attack, eps) == "broken") & (first == "")] = attack
    return first


def fallen(verdicts: np.ndarray) -> dict[str, int]:
    """Of pictures how many are broken, and how many there are."""
    return {"count": int((verdicts == "broken").sum()), "n": len(verdicts)}

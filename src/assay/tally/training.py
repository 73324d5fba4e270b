"""Which epoch of a training is kept."""

from collections.abc import Mapping, Sequence
from typing import Any


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

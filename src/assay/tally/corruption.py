"""Accuracy on images that nobody attacks, but that are not as they were."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from assay.tally.calibration import calibration
from assay.tally.means import mean_of
from assay.tally.table import Table, column, share


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


def _corrupted(table: Table, name: str, strength: int) -> dict[str, Any]:
    said, sure = (table[column(name, strength, what)] for what in ("prediction", "confidence"))
    alone = {"label": table["label"], "clean_prediction": said, "clean_confidence": sure}
    found = calibration(alone, (), ())
    calibrated = {"ece": found["equal_width"]["ece"], "confidence": found["mean"]["all"]}
    return {"corruption": name, "strength": strength, **share(said == table["label"]), **calibrated}

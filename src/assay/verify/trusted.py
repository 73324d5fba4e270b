"""Whether a map is true, once more: the mark from the numbers of each image, and with the model the numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim
from assay.data import ImageSet
from assay.explain import EXPLAIN
from assay.models.classifier import Classifier
from assay.quality import CURVES, ORDERS, judge
from assay.run_folder import Explanation
from assay.spec import read
from assay.trust import AGAIN
from assay.trust.curves import STEPS
from assay.trust.examination import enough, examine
from assay.trust.stability import NOISE
from assay.verify.ledger import Ledger

NEAR = 1e-4  # between two passes of the same pictures
ON_AVERAGE = 1e-3  # between two examinations: where two pixels are nearly equal, last bits decide which goes first

Arrays = Mapping[str, np.ndarray]


def verify_quality(
    ledger: Ledger, folder: Explanation, maps: Arrays, whole: ImageSet | None, model: Classifier | None
) -> None:
    """Figures and mark from the numbers; the numbers against each other, the maps, and with the model against it."""
    config, where = folder.read_json("config.json"), folder.path / "quality.json"
    if not config.get("checked"):
        if folder.has("quality.json"):
            ledger.differs(folder.path / "config.json", "says that nobody checked the maps, but quality.json is there")
        return
    says, numbers = folder.read_json("quality.json"), folder.read_arrays("quality.safetensors")
    n = len(numbers["index"])
    wanted = judge(numbers) | {"n": n, "again": min(AGAIN, n), "steps": STEPS, "noise": NOISE}
    ledger.same(where, "", {key: says.get(key) for key in wanted}, wanted)
    _fits(ledger, folder.path / "quality.safetensors", numbers, maps, says)
    if whole is None:
        return
    place = {int(index): row for row, index in enumerate(whole.index)}
    if not all(int(index) in place for index in maps["index"]):
        return  # told elsewhere
    judged = enough(whole.rows(torch.tensor([place[int(index)] for index in maps["index"]])), whole)
    if not np.array_equal(judged.index.numpy(), numbers["index"]):
        ledger.differs(folder.path / "quality.safetensors", "index: other images than those that are checked")
    elif model is not None:
        _again(ledger, folder, numbers, says, judged, model)


def _fits(ledger: Ledger, where: Path, numbers: Arrays, maps: Arrays, says: Mapping[str, Any]) -> None:
    """What must be equal whatever the model: all orders begin and end with the same pictures."""
    both = min(len(maps["index"]), len(numbers["index"]))
    shown = numbers["explained"][:both]
    pairs = {
        "explained": (shown, maps["explained"][:both]),
        "probability": (numbers["probability"][:both], maps["probability"][np.arange(both), shown]),
    }
    for curve in CURVES:
        nothing, whole = (-1, 0) if curve == "deletion" else (0, -1)
        for order in ORDERS:
            pairs[f"{curve}.{order} of the whole image"] = numbers[f"{curve}.{order}"][:, whole], numbers["probability"]
            blank = numbers[f"{curve}.{order}"][:, nothing], numbers[f"{curve}.method"][:, nothing]
            pairs[f"{curve}.{order} of no image"] = blank
    for name, (one, other) in pairs.items():
        _same(ledger, where, name, bool(np.allclose(one, other, rtol=0, atol=NEAR)))
    wanted = {"randomisation": (says["again"], len(says["stages"])), "stability": (says["again"], None)}
    for name, (rows, columns) in wanted.items():
        if name in numbers:
            fits = len(numbers[name]) == rows and columns in (None, numbers[name].shape[1])
            _same(ledger, where, f"{name}: its shape", fits)
            _same(ledger, where, f"{name}: its range", bool((np.abs(numbers[name]) <= 1 + NEAR).all()))


def _same(ledger: Ledger, where: Path, name: str, same: bool) -> None:
    if same:
        ledger.figures += 1
    else:
        ledger.differs(where, f"{name} does not fit the rest")


def _again(
    ledger: Ledger, folder: Explanation, numbers: Arrays, says: Mapping[str, Any], images: ImageSet, model: Classifier
) -> None:
    """All checks on the same images."""
    method = folder.read_json("config.json")["method"]
    with Victim(model) as victim:
        found, told = examine(victim, read(method, EXPLAIN, "method"), images)
    ledger.same(folder.path / "quality.json", "", {key: says.get(key) for key in told}, told)
    where = folder.path / "quality.safetensors"
    for key in sorted({*found, *numbers}):
        one, other = numbers.get(key, np.zeros(0)), found.get(key, np.zeros(0))
        if one.shape == other.shape and float(np.abs(one - other).mean()) <= ON_AVERAGE:
            ledger.figures += 1
        else:
            ledger.differs(where, f"{key} is not what the check of {method} finds")

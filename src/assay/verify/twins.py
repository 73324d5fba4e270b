"""The attacked twins beside activations: within their threat, and with the answers that the network gives them."""

from typing import Any

import numpy as np
import torch

from assay.adversary.threat import read_threat
from assay.adversary.victim import Victim
from assay.evaluate.twins import ATTACK
from assay.explain import EXPLAIN
from assay.models.classifier import Classifier
from assay.run_folder import Explanation
from assay.spec import read
from assay.tally import moved_words
from assay.verify.ledger import Ledger

OPEN = "that the twins beside activations are what the attack makes: only that they are within its limits"
NEAR = 2e-3  # between two computations, of the largest value: it was rounded to a float16


def verify_twins(
    ledger: Ledger, folder: Explanation, arrays: dict[str, np.ndarray], model: Classifier | None, config: dict[str, Any]
) -> None:
    """Each twin against its image, and the words about them; with the model, its layers' answers."""
    where = folder.path / "activations.safetensors"
    ledger.same(folder.path / "config.json", "attack", config.get("attack"), ATTACK)
    lines = moved_words(arrays, config["maps"])
    ledger.same(folder.path / "config.json", "words", config["words"][-len(lines) :], lines)
    images, points = torch.from_numpy(arrays["images"]).float() / 255, torch.from_numpy(arrays["attacked"]).float()
    allowed = read_threat(config["threat"]).contains(points, images).numpy()
    ledger.rows(where, arrays["index"], ~allowed, f"its attacked twin is not within {config['threat']}")
    ledger.figures += int(allowed.sum())
    ledger.unsure(OPEN)
    if model is None or points.shape[1:] != model.shape:
        return
    device = model.mean.device
    labels = torch.from_numpy(arrays["labels"].astype(np.int64)).to(device)
    with Victim(model) as victim:
        found = read(config["method"], EXPLAIN, "method")(victim, points.to(device), labels)
    for key, wanted in found.maps.items():
        says, right = arrays.get(f"attacked.{key}", np.zeros(0)).astype(np.float32), wanted.float().cpu().numpy()
        near = NEAR * max(1e-9, float(np.abs(right).max(initial=0)))
        if says.shape == right.shape and np.allclose(says, right, rtol=0, atol=near):
            ledger.figures += 1
        else:
            ledger.differs(folder.path, f"attacked.{key} is not what {config['method']} finds")

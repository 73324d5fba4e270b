"""A recipe in its short form: few images, few epochs."""

import os
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from assay.adversary.threat import read_threat
from assay.data import load
from assay.data.describe import describe
from assay.models.classifier import build
from assay.train.loop import Training
from assay.train.methods import read_method
from assay.train.provision import whiten
from assay.train.recipe import OWN
from assay.train.recipes import recipe

SCENES = f"folder:{os.environ.get('ASSAY_DATA', '/nowhere')}/scenes128"  # for recipes of a user's own images
HELD_OUT = 300  # validation images, or all there are


def short(name: str, images: int, epochs: int, seed: int = 0) -> float:
    """The validation accuracy after the last epoch, of the weights as the recipe averages them."""
    wanted = recipe(name).changed(images=images, epochs=epochs, seed=seed)
    wanted = replace(wanted, batch_size=min(wanted.batch_size, max(16, images // 16)))
    if wanted.data == OWN:
        wanted = replace(wanted, data=SCENES)
    train, held_out = load(wanted.data, "train", images), load(wanted.data, "validation")
    held_out = held_out.first(min(HELD_OUT, len(held_out)))
    known = describe({"train": train})
    classifier = build({"architecture": wanted.model, **{key: known[key] for key in KEPT}}, wanted.seed)
    whiten(classifier, train)
    adversary: Any = None
    if wanted.attack and wanted.threat:
        threat = read_threat(wanted.threat)
        adversary = read_method(wanted.attack, threat), threat
    settings: dict[str, Any] = {"device": torch.device("cpu"), "precision": "float32", "adversary": adversary}
    training = Training(classifier, wanted, train, held_out, **settings)
    with TemporaryDirectory() as folder:
        history = training.run(Path(folder) / "checkpoint.pt", lambda lines, losses: None)
    return float(history[-1]["validation_accuracy"])


KEPT = ("shape", "classes", "mean", "std")

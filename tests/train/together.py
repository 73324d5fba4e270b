"""Trainings that several processes make together, for test_ranks.py: torchrun -m tests.train.together FOLDER."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assay.adversary.threat import linf
from assay.data import load
from assay.models.classifier import build
from assay.train import loop
from assay.train.loop import Training
from assay.train.methods import read_method
from assay.train.methods.batch import Batch
from assay.train.ranks import Ranks, ranks
from assay.train.recipe import Recipe
from assay.train.recipes import recipe

CPU = torch.device("cpu")
IMAGES, EPOCHS, BATCH = 193, 2, 16  # 12 · 16 + 1: the last batch has 17, of which two processes have unequal parts
ADAM = {"optimizer": "adam", "learning_rate": 4e-3}
AGAINST = {"threat": "linf(0.1)", "warm_up": 0.5}
TRAININGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rich": {"average": 0.9, "keep": "best", "label_smoothing": 0.1, "augment": ["flip", "shift(pixels=1)"]},
    "pgd(steps=2)": AGAINST,
    "fast": AGAINST | {"keep": "best", "average": 0.9},
    "blend(steps=1)": AGAINST,
    "ibp": AGAINST,
    "awp": AGAINST | {"attack": "pgd(steps=1)", "awp": 0.01},
    "taken_back": AGAINST | {"attack": "fast", "keep": "best"},  # the sentinel rings after every second epoch
    "trades(steps=2)": AGAINST,
    "adam": ADAM,
    "bfloat16": {"precision": "bfloat16"},
    "batch_norm": {"model": "mnist_cnn_bn"},
    "batch_norm_attacked": AGAINST | {"attack": "pgd(steps=2)", "model": "mnist_cnn_bn", "average": 0.9},
    "mean_of_means": {},  # a planted fault: each process takes the mean of its own part
}


def wanted(name: str) -> tuple[Recipe, Any]:
    """The recipe of a training, and its precision."""
    settings = {"optimizer": "sgd", "learning_rate": 0.1, **TRAININGS[name]}
    precision = settings.pop("precision", "float32")
    if "threat" in settings:
        settings.setdefault("attack", name)
    return recipe("digits_cnn").changed(epochs=EPOCHS, batch_size=BATCH, **settings), precision


def training(name: str, joined: Ranks) -> Training:
    asked, precision = wanted(name)
    images, threat = load("digits", "train", IMAGES), linf(0.1)
    about = {"architecture": asked.model, "shape": images.shape, "classes": images.classes, "mean": [0.3], "std": [0.4]}
    return Training(
        *(build(about, 0), asked, images, load("digits", "validation", 63)),
        device=CPU,
        precision=precision,
        adversary=(read_method(asked.attack, threat), threat) if asked.attack else None,
        ranks=joined,
    )


@contextmanager
def watched(name: str) -> Iterator[list[tuple[int, Tensor]]]:
    """The images of each batch of this process, with the epoch; and the fault or alarm, where one is planted."""
    batch, alarm, seen = Training._batch, loop.alarm, list[tuple[int, Tensor]]()

    def spy(self: Training, rows: Tensor, epoch: int, step: int) -> Batch:
        found = batch(self, rows, epoch, step)
        seen.append((epoch, found.draws.index))
        return replace(found, share=1 / max(1, len(found.labels))) if name == "mean_of_means" else found

    Training._batch = spy  # type: ignore[method-assign]
    if name == "taken_back":
        loop.alarm = lambda history, same_eps: "planted" if len(history) == EPOCHS else None
    try:
        yield seen
    finally:
        Training._batch = batch  # type: ignore[method-assign]
        loop.alarm = alarm


def learn(name: str, joined: Ranks, folder: Path) -> dict[str, Any]:
    """What a training measured and left, in this process."""
    steps: list[list[float]] = []
    run = training(name, joined)
    with watched(name) as seen:
        history = run.run(folder / f"{name}.pt", lambda lines, losses: steps.append(losses))
    assert bool(run.undone) == (name == "taken_back")
    return {"history": history, "net": run.classifier.net.state_dict(), "seen": seen, "steps": steps}


if __name__ == "__main__":
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    with ranks(CPU) as together:
        for each in TRAININGS:
            torch.save(learn(each, together, Path(sys.argv[1])), f"{sys.argv[1]}/{each}-{together.rank}.pt")

"""What a training has measured: a line an epoch, which must fit the recipe, the checkpoint, and the model."""

from typing import Any

import torch
import torch.nn.functional as F

from assay.adversary.victim import Victim, predicted
from assay.models.classifier import Classifier
from assay.run_folder import Run
from assay.tally import kept_epoch
from assay.train import checkpoints
from assay.train.descent import one_cycle, sizes
from assay.verify.ledger import ROUNDING, Ledger
from assay.verify.model import recipe_of
from assay.verify.source import Source

PIECE = 1024  # images that pass at a time
SHARES = ("accuracy", "validation_accuracy", "validation_robust", "validation_certified")


def verify_training(ledger: Ledger, run: Run, source: Source, model: Classifier | None) -> None:
    """metrics.jsonl, a line an epoch; the data that it was trained on; with the model, what the last line measured."""
    with ledger.reading():
        recipe, where = recipe_of(run), run.path / "metrics.jsonl"
        lines = run.read_lines("metrics.jsonl") if run.has("metrics.jsonl") else []
        if not lines and recipe and not run.stopped:
            ledger.differs(where, "is missing")
        ledger.same(where, "epochs", [line["epoch"] for line in lines], list(range(1, len(lines) + 1)))
        if recipe and not run.stopped:
            if not recipe["patience"]:
                ledger.same(where, "the number of its lines", len(lines), recipe["epochs"])
            _schedule(ledger, run, lines, recipe)
        for line in lines:
            if wrong := _absurd(line):
                ledger.differs(where, f"epoch {line['epoch']}: {wrong}")
        if run.has("checkpoint.pt") and lines:
            checkpoint = checkpoints.load(run.path / "checkpoint.pt")
            history = checkpoint.history
            _taken_back(ledger, run, checkpoint.undone or [])
            for says, held in zip(lines, history, strict=False):
                ledger.same(where, f"epoch {held['epoch']}:", says, dict(held))
            ledger.same(where, "number of lines", len(lines), len(history))
        elif lines:
            ledger.unsure("what the training measured (metrics.jsonl): there is no checkpoint.pt beside it")
        if model is not None and lines and not run.stopped:
            _measured(ledger, run, source, model, lines[kept_epoch(recipe["keep"] if recipe else "last", lines) - 1])


def _taken_back(ledger: Ledger, run: Run, undone: list[dict[str, Any]]) -> None:
    """What the sentinel took back is told, and is what the checkpoint knows of it."""
    where = run.path / "panels/sentinel.json"
    says = run.read_json("panels/sentinel.json")["taken_back"] if run.has("panels/sentinel.json") else []
    ledger.same(where, "taken_back", says, undone)


def _schedule(ledger: Ledger, run: Run, lines: list[dict[str, Any]], recipe: dict[str, Any]) -> None:
    """The learning rate at the end of each epoch follows from the recipe, and so it must fit the lines."""
    for key, wanted in (("data", recipe["data"]), ("seed", recipe["seed"])):
        file = "config.json" if key == "data" else "env.json"
        ledger.same(run.path / file, f"{key}, beside the recipe's,", run.read_json(file).get(key), wanted)
    ledger.same(run.path / "config.json", "recipe model", recipe["model"], run.read_json("model.json")["architecture"])
    images = {round(line["images_per_second"] * line["seconds"]) for line in lines}
    steps = len(sizes(max(images, default=0), max(1, recipe["batch_size"])))
    if len(images) != 1 or not steps or len(lines) > recipe["epochs"]:
        return
    for line in lines:
        done, whole = line["epoch"] * steps, recipe["epochs"] * steps
        wanted = one_cycle(done, whole, recipe["learning_rate"], recipe["rise"])
        ledger.same(run.path / "metrics.jsonl", f"epoch {line['epoch']}: learning_rate", line["learning_rate"], wanted)


def _measured(ledger: Ledger, run: Run, source: Source, model: Classifier, line: dict[str, float]) -> None:
    """The validation of the epoch whose weights were kept."""
    where, data = run.path / "metrics.jsonl", run.read_json("config.json")["data"]
    images = source.whole(ledger, where, data, "validation", model.shape, model.classes)
    if images is None:
        return
    with Victim(model, access="scores") as victim:
        pieces = [images.rows(slice(at, at + PIECE)) for at in range(0, len(images), PIECE)]
        logits = torch.cat([victim.logits(piece.pixels(model.mean.device)).cpu() for piece in pieces])
    found = {
        "validation_accuracy": (float((predicted(logits) == images.labels).float().mean()), 1.5 / len(images)),
        "validation_loss": (loss := float(F.cross_entropy(logits, images.labels)), 1e-3 * max(1, abs(loss))),
    }
    for key, (wanted, near) in found.items():
        if abs(line[key] - wanted) > near:  # a training on another device leaves other last bits
            ledger.differs(where, f"epoch {line['epoch']}: {key} is {line[key]:.6g}, the model has {wanted:.6g}")
        else:
            ledger.figures += 1


def _absurd(line: dict[str, float]) -> str:
    """What cannot be of an epoch."""
    if outside := [key for key in SHARES if key in line and not 0 <= line[key] <= 1]:
        return f"{outside[0]} is {line[outside[0]]:.6g}, between 0 and 1 wanted"
    positive = ("loss", "validation_loss", "learning_rate", "seconds", "images_per_second")
    if below := [key for key in positive if line[key] < 0]:
        return f"{below[0]} is {line[below[0]]:.6g}, at least 0 wanted"
    images = line["images_per_second"] * line["seconds"]
    hits = line["accuracy"] * images
    if abs(images - round(images)) > ROUNDING * images or abs(hits - round(hits)) > 1e-3:
        return "accuracy, images_per_second and seconds are of no whole number of images"
    return ""

"""A hardening that collapses, with the sentinel and without it: one step of FGSM on a run, epoch by epoch."""

import argparse
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import journal  # first: it says how threads wait
import torch

from assay.cli.evaluating import carry_out
from assay.cli.harden import _recipe_of
from assay.cli.learning import start
from assay.cli.options import plan_of
from assay.evaluate.suites import SUITES
from assay.run_folder import open_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--method", default="fgsm")
    parser.add_argument("--threat", default="linf(8/255)")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--log", action="store_true", help="append the figures to log.md")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        found = {name: hardened(Path(folder) / name, asked, name == "with") for name in ("without", "with")}
    about = [
        f"{asked.run.name} hardened by {asked.method} at {asked.threat}, {asked.epochs} epochs; the last weights are kept",
        f"robust: `standard` on {asked.images} test images; probe: ten steps of PGD on 512 validation images",
    ]
    about += [
        f"the sentinel, epoch {one['epoch']}: {one['because']}; back to {one['back_to']}, on with {one['then']}"
        for one in found["with"]["undone"]
    ]
    tables = [journal.table(("the sentinel", "epoch", "right under the method", "probe", "loss fell for"), rows(found))]
    last = [(name, f"{one['clean']:.1%}", f"{one['robust']:.1%}") for name, one in found.items()]
    tables.append(journal.table(("the sentinel", "clean", "robust"), last))
    journal.present("catastrophic overfitting, and the sentinel", about, tables, asked.log)


def hardened(path: Path, asked: argparse.Namespace, watched: bool) -> dict[str, Any]:
    """Train, evaluate; without the sentinel nobody raises an alarm."""
    recipe = _recipe_of(open_run(asked.run)).changed(
        attack=asked.method, threat=asked.threat, epochs=asked.epochs, learning_rate=asked.learning_rate
    )
    silent = mock.patch("assay.train.loop.alarm", return_value=None)
    with mock.patch.dict({}) if watched else silent:
        run, history, _ = start(path, recipe, device="cpu", force=True, resume=False, parent=asked.run)
    undone = run.read_json("panels/sentinel.json")["taken_back"] if run.has("panels/sentinel.json") else []
    plan = plan_of(SUITES["standard"]["gradients"], asked.threat, None, "untargeted", 0, "cpu")
    figures = carry_out(path, plan, "standard", None, "test", asked.images, force=True).read_json("results.json")
    robust = figures["robust"][-1]["share"]
    return {"history": history, "undone": undone, "clean": figures["clean"]["share"], "robust": robust}


def rows(found: dict[str, dict[str, Any]]) -> list[tuple[object, ...]]:
    """A row for each epoch of each; those that were taken back are marked."""
    told = []
    for name, one in found.items():
        back = [(f"{line['epoch']}, taken back", line) for part in one["undone"] for line in part["lines"]]
        for epoch, line in [*back, *((line["epoch"], line) for line in one["history"])]:
            shares = (f"{line[key]:.1%}" for key in ("accuracy", "validation_robust", "abnormal"))
            told.append((name, epoch, *shares))
    return told


if __name__ == "__main__":
    main()

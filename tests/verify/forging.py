"""What a forger does to a run, and whatever follows from it he counts again, with our own tally."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from assay.data import load
from assay.run_folder import Evaluation, Run
from assay.tally import brackets, column, first_breaker, tally

ATTACKED = "digits-test-24-5b896d-linf-0.1-untargeted-fgsm-deepfool-steps=5-pgd-steps=3"
CLEAN = "digits-test-360-a9198e-clean"
PGD, DEEPFOOL = "pgd(steps=3)", "deepfool(steps=5)"


class Forger:
    """An evaluation in his hands; `write` counts everything again that follows from the table."""

    def __init__(self, run: Path, name: str = ATTACKED) -> None:
        self.run, self.folder = run, Evaluation(run / "evaluations" / name)
        self.config: dict[str, Any] = self.folder.read_json("config.json")
        self.table = {key: values.copy() for key, values in self.folder.read_table("images.parquet").items()}
        self.costs = self.folder.read_json("costs.json")
        self.proof = self.folder.read_arrays("adversarial.safetensors") if self.config["attacks"] else {}

    def columns(self, attack: str) -> list[str]:
        return [key for key in self.table if key.startswith(f"{attack}@")]

    def rows(self, verdict: str, attack: str = PGD, eps: float = 0.1) -> np.ndarray:
        return np.flatnonzero(self.table[column(attack, eps, "verdict")] == verdict)

    def acquit(self, row: int) -> None:
        """Broken by anything becomes robust, in every number that tells."""
        for attack in self.config["attacks"]:
            for eps in self.config["epsilons"]:
                if self.table[column(attack, eps, "verdict")][row] == "broken":
                    self.table[column(attack, eps, "verdict")][row] = "robust"
                    self.table[column(attack, eps, "prediction")][row] = self.table["label"][row]

    def forget(self, row: int) -> None:
        """Away with its proof."""
        kept = self.proof["index"] != self.table["index"][row]
        self.proof = {key: array[kept] for key, array in self.proof.items()}

    def keep(self, rows: np.ndarray) -> None:
        """Only these rows, n and the fingerprint made to fit."""
        self.table = {key: values[rows] for key, values in self.table.items()}
        kept = np.isin(self.proof["index"], self.table["index"])
        self.proof = {key: array[kept] for key, array in self.proof.items()}
        self.config["n"] = len(rows)
        self.config["fingerprint"] = load("digits", "test", 24).rows(torch.from_numpy(rows)).fingerprint

    def write(self) -> None:
        config, table = self.config, self.table
        table["first_breaker"] = first_breaker(table, config["attacks"], config["epsilons"])
        table["eps_survived"], table["eps_broken"] = brackets(table, config["attacks"], config["epsilons"])
        self.folder.write_json("config.json", config)
        self.folder.write_table("images.parquet", table)
        self.folder.write_json("costs.json", self.costs)
        counted = tally(table, config["attacks"], config["epsilons"], len(config["classes"]))
        self.folder.write_json("results.json", {"schema": 2, **counted})
        if self.proof:
            self.folder.write_arrays("adversarial.safetensors", self.proof)

    def rename(self, before: str, after: str) -> None:
        """The folder, and what config.json says that it is called."""
        name = self.folder.path.name.replace(before, after)
        self.config["name"] = name
        self.write()
        shutil.move(self.folder.path, self.folder.path.parent / name)
        self.folder = Evaluation(self.folder.path.parent / name)


def patch(file: Path, *keys: Any, value: Any) -> None:
    """One value in a JSON file; a function makes it out of what is there."""
    content = json.loads(file.read_text("utf-8"))
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value(inner[keys[-1]]) if callable(value) else value
    file.write_text(json.dumps(content), encoding="utf-8")


def weights(run: Path, *, described: bool = False, evaluations: bool = False, checkpoint: bool = True) -> None:
    """Another model in its place; who knows of it is told, as far as asked for."""
    arrays = safetensors.numpy.load_file(run / "model.safetensors")
    rng = np.random.default_rng(0)
    other = {key: (array + 0.1 * rng.standard_normal(array.shape)).astype(array.dtype) for key, array in arrays.items()}
    if not described:
        (run / "model.safetensors").write_bytes(safetensors.numpy.save(other))
        return
    model = json.loads((run / "model.json").read_text("utf-8"))
    Run(run).write_model(model, other)
    told = json.loads((run / "model.json").read_text("utf-8"))["weights"]
    if evaluations:
        for config in [*run.glob("evaluations/*/config.json"), *run.glob("explanations/*/config.json")]:
            patch(config, "weights", value=told)
    if not checkpoint:
        (run / "checkpoint.pt").unlink()


def spare(run: Path, honest: Path) -> None:
    """Take away the explanations and corruptions that he has not touched: looking at them takes long."""
    for kind in ("explanations", "corruptions"):
        for folder in (run / kind).iterdir():
            if contents(folder) == contents(honest / kind / folder.name):
                shutil.rmtree(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*")}


Forgery = Callable[[Path], None]
FORGERIES: dict[str, tuple[Forgery, str, str]] = {}  # what he does, and the file and words of a line that says so
RERUN: dict[str, tuple[Forgery, str, str]] = {}  # those that only the model can tell


def forgery(where: str, said: str, rerun: bool = False) -> Callable[[Forgery], Forgery]:
    def keep(function: Forgery) -> Forgery:
        (RERUN if rerun else FORGERIES)[function.__name__] = function, where, said
        return function

    return keep


def edit(name: str, *keys: Any, value: Any) -> Forgery:
    """A value in a file of the evaluation."""
    return lambda run: patch(run / "evaluations" / ATTACKED / name, *keys, value=value)


def of_run(name: str, *keys: Any, value: Any) -> Forgery:
    return lambda run: patch(run / name, *keys, value=value)

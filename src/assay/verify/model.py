"""The run itself: weights and their hash, and what is told of the data that it learnt from."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay.data.describe import contact_sheet, describe
from assay.models.classifier import build
from assay.run_folder import Run, code_hash
from assay.spec import checked, defaults
from assay.train import checkpoints
from assay.train.recipe import Recipe
from assay.verify.ledger import Ledger
from assay.verify.source import Source


def verify_model(ledger: Ledger, run: Run) -> None:
    """model.json belongs to model.safetensors, and both to the last checkpoint."""
    if run.stopped:
        ledger.unsure("the model: its training was stopped")
        return
    with ledger.reading():
        description, weights = run.read_model()
        ledger.figures += 1  # the hash, which read_model compares
        where = run.path / "model.json"
        if ".py:" not in description["architecture"]:
            with torch.device("meta"):
                parameters = sum(one.numel() for one in build(description).net.parameters())
            ledger.same(where, "parameters", description["parameters"], parameters)
        elif description["parameters"] > (most := sum(array.size for array in weights.values())):
            ledger.differs(where, f"parameters is {description['parameters']}, there are {most} weights")
        _code(ledger, run, description["architecture"])
        if run.has("checkpoint.pt"):
            found = checkpoints.load(run.path / "checkpoint.pt").final()
            wrong = [name for name, array in weights.items() if not _equal(array, found.get(name))]
            if wrong or set(found) != set(weights):
                ledger.differs(
                    run.path / "model.safetensors", f"these are not the weights of checkpoint.pt: {[*wrong, ''][0]}"
                )


def _code(ledger: Ledger, run: Run, architecture: str) -> None:
    """The user's file that makes the network is the one that the run was made with."""
    path, recorded = Path(architecture.rpartition(":")[0]), run.read_json("config.json").get("source")
    if path.suffix != ".py":
        return
    now = code_hash(architecture)
    if recorded is None or now is None:
        ledger.unsure(f"the network's code ({path} {'is not there' if recorded else 'was not recorded'})")
    elif now != recorded:
        ledger.differs(
            run.path / "config.json", f"source is {recorded}, {path} has {now}: the network is made otherwise"
        )
    else:
        ledger.figures += 1


def recipe_of(run: Run) -> dict[str, Any]:
    """What is read of the recipe; none of a run that was imported."""
    found = run.read_json("config.json").get("recipe") or {}
    kinds = {"epochs": int, "images": int | None, "batch_size": int, "learning_rate": float, "data": str, "model": str}
    kinds |= {"seed": int, "rise": float, "keep": str, "patience": int}
    where, usual = run.path / "config.json", defaults(Recipe)  # a run from before a setting was there did as is usual
    values = {key: found.get(key, usual[key]) for key in kinds} if found else {}
    return {key: checked(f"{where} is damaged: {key}", value, kinds[key]) for key, value in values.items()}


def verify_data(ledger: Ledger, run: Run, source: Source) -> None:
    """panels/data.json and the run's own fingerprint, from the data."""
    if run.stopped:
        return
    with ledger.reading():
        if run.has("panels/data.json"):
            _data(ledger, run, source)
        elif recipe_of(run):
            ledger.differs(run.path / "panels/data.json", "is missing")
        else:
            ledger.unsure("whether any of the images were learnt from (there is no panels/data.json)")


def _data(ledger: Ledger, run: Run, source: Source) -> None:
    config, model, panel = run.read_json("config.json"), run.read_json("model.json"), run.read_json("panels/data.json")
    where, splits = run.path / "panels/data.json", {}
    for split in panel["splits"]:
        found = source.whole(ledger, where, config["data"], split, model["shape"], panel["classes"])
        n = recipe_of(run).get("images") if split == "train" else None
        images = source.first(ledger, run.path / "config.json", found, n)
        if images is None:
            return
        splits[split] = images
    ledger.same(where, "", panel, describe(splits))
    learnt = splits.get("train", next(iter(splits.values())))
    ledger.same(run.path / "config.json", "fingerprint", config["fingerprint"], learnt.fingerprint)
    _arrays(ledger, run, "panels/data.safetensors", "sheet", contact_sheet(next(iter(splits.values()))).numpy())
    if recipe_of(run) and not config.get("parent"):  # who has a parent has his mean
        for key in ("mean", "std"):
            ledger.same(run.path / "model.json", key, model[key], panel[key])
    if "train" in splits:
        _arrays(ledger, run, "panels/trained_on.safetensors", "prints", splits["train"].prints.numpy())


def _arrays(ledger: Ledger, run: Run, file: str, name: str, wanted: np.ndarray) -> None:
    if not np.array_equal(run.read_arrays(file)[name], wanted):
        ledger.differs(run.path / file, f"{name} is not that of the data")
    else:
        ledger.figures += 1


def _equal(array: np.ndarray, tensor: object) -> bool:
    return isinstance(tensor, torch.Tensor) and np.array_equal(array, tensor.cpu().numpy(), equal_nan=True)

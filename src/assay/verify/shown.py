"""What else a report shows of a run: explanations and universal noises, as far as they can be counted again."""

from typing import Any

import numpy as np
import torch

from assay.adversary.threat import read_threat
from assay.adversary.victim import Victim
from assay.attacks.add_noise import noisy
from assay.attacks.add_noise import read as noise
from assay.data import ImageSet
from assay.evaluate.universal import transfer
from assay.explain import EXPLAIN
from assay.models.classifier import Classifier
from assay.run_folder import Explanation, Run
from assay.spec import read
from assay.tally import moved_words, share
from assay.verify.class_images import verify_class_images
from assay.verify.ledger import Ledger
from assay.verify.source import Source
from assay.verify.trusted import verify_quality
from assay.verify.twins import verify_twins

NEAR = 1e-4  # between two computations, of the largest value
RISE, MISSED, WHOLE = "number.logit's rise", "number.completeness error", "map.integrated_gradients"
UNMADE = "that maps, filters, activations and what was found of maps are the model's: --rerun makes them again"
ROUNDED = 4  # digits of the shares in universal.json


def verify_explanation(ledger: Ledger, run: Run, folder: Explanation, source: Source, model: Classifier | None) -> None:
    """The images against the data; with the model, the maps."""
    with ledger.reading():
        config = folder.read_json("config.json")
        file, where = f"{config['kind']}.safetensors", folder.path / f"{config['kind']}.safetensors"
        arrays, described = folder.read_arrays(file), run.read_json("model.json")
        call = read(config["method"], EXPLAIN, "method")
        wanted = {"weights": described["weights"], "name": call.name, "kind": call.function.facts.kind}  # type: ignore[attr-defined]
        wanted |= {"classes": described["classes"]}
        ledger.same(folder.path / "config.json", "", {key: config.get(key) for key in wanted}, wanted)
        whole, of_images = None, bool(call.function.facts.of_images)  # type: ignore[attr-defined]
        if of_images != bool(config.get("data") and config.get("split")):
            told = "data and split are missing" if of_images else "it is not about images, and names data"
            ledger.differs(folder.path / "config.json", told)
        elif of_images:
            whole = source.whole(
                ledger,
                folder.path / "config.json",
                config["data"],
                config["split"],
                described["shape"],
                config["classes"],
            )
            place = {} if whole is None else {int(index): row for row, index in enumerate(whole.index)}
            for row, index in enumerate(arrays["index"].tolist() if whole is not None else []):
                if index not in place:
                    ledger.differs(where, f"image {index} is none of {config['data']} {config['split']}")
                    continue
                assert whole is not None
                image, label = whole.images[place[index]].numpy(), int(whole.labels[place[index]])
                if not np.array_equal(arrays["images"][row], image) or arrays["labels"][row] != label:
                    ledger.differs(where, f"image {index} is another picture than that of the data")
        _complete(ledger, folder, arrays)
        if config.get("threat"):
            verify_twins(ledger, folder, arrays, model, config)
        if config["kind"] == "class_images":
            verify_class_images(ledger, folder, arrays, model, config)
        elif model is not None:
            _explained(ledger, folder, arrays, model, config)
        else:
            ledger.unsure(UNMADE)
        if config["kind"] == "maps":
            verify_quality(ledger, folder, arrays, whole, model)


def _explained(
    ledger: Ledger, folder: Explanation, arrays: dict[str, np.ndarray], model: Classifier, config: dict[str, Any]
) -> None:
    images = arrays.get("images", np.zeros((0, *model.shape), np.uint8))
    if images.shape[1:] != model.shape:
        ledger.differs(folder.path, f"images of shape {images.shape[1:]}, {model.shape} wanted")
        return
    labels = torch.from_numpy(np.array(arrays.get("labels", np.zeros(0)), np.int64))
    device = model.mean.device
    pixels, labels = (torch.from_numpy(images).float() / 255).to(device), labels.to(device)
    with Victim(model) as victim:
        found = read(config["method"], EXPLAIN, "method")(victim, pixels, labels)
        counted = {f"map.{key}": value.cpu().numpy() for key, value in found.maps.items()}
        counted |= {f"number.{key}": value.cpu().numpy() for key, value in found.numbers.items()}
        if found.explained is not None:
            counted["probability"] = victim.logits(pixels).softmax(1).cpu().numpy()
            counted["explained"] = found.explained.cpu().numpy()
    words = [*found.words, *(moved_words(arrays, config["maps"]) if config.get("threat") else [])]
    told = {"words": words, "unit": found.unit, "maps": list(found.maps), "numbers": list(found.numbers)}
    ledger.same(folder.path / "config.json", "", {key: config.get(key) or [] for key in told}, told)
    for key, wanted in counted.items():
        says = arrays.get(key, np.zeros(0))
        near = NEAR * max(1e-9, _scale(key, counted))
        if says.shape == wanted.shape and np.allclose(says, wanted, rtol=0, atol=near, equal_nan=True):
            ledger.figures += 1
        else:
            ledger.differs(folder.path, f"{key} is not what {config['method']} finds")


def _scale(key: str, counted: dict[str, np.ndarray]) -> float:
    """The largest value; of what is left of a difference, the size of what was subtracted."""
    scale = RISE if key == MISSED else key
    return float(np.abs(counted[scale]).max(initial=0))


def _complete(ledger: Ledger, folder: Explanation, arrays: dict[str, np.ndarray]) -> None:
    """What is said to be missing is what the map's sum lacks."""
    if not {MISSED, RISE, WHOLE} <= set(arrays):
        return
    missing = arrays[WHOLE].astype(float).sum((1, 2)) - arrays[RISE]
    near = NEAR * np.maximum(np.abs(arrays[WHOLE]).sum((1, 2)), 1e-9)
    for row in np.flatnonzero(np.abs(missing - arrays[MISSED]) > near):
        said = f"image {arrays['index'][row]}: {arrays[MISSED][row]:.3g} is said to be missing"
        ledger.differs(folder.path / "maps.safetensors", f"{said}, the map misses {missing[row]:.3g}")
    ledger.figures += len(missing)


def verify_universal(ledger: Ledger, run: Run, source: Source, model: Classifier | None) -> None:
    """Its shares against each other; with the model, counted again with the noises that are kept."""
    if not run.has("panels/universal.json"):
        return
    where = run.path / "panels/universal.json"
    with ledger.reading():
        about = run.read_json("panels/universal.json")
        for fit in about["fits"]:
            n = sum(fit["counts"])
            if not 0 <= n <= about["n"]:
                ledger.differs(where, f"fitted on {fit['on']}: counts of {n} images, there are {about['n']}")
                continue
            again = [share(np.arange(n) < int(line["count"])) for line in fit["failure"]] if n else []
            ledger.same(where, f"fitted on {fit['on']}: failure", fit["failure"], again)
        if model is None:
            ledger.unsure("what one noise for all does (panels/universal.json): --rerun tries the noises again")
            return
        shape = run.read_json("model.json")["shape"]
        unseen = source.whole(ledger, where, about["data"], "test", shape, about["classes"])
        unseen = source.first(ledger, where, unseen, about["n"])
        if unseen is None:
            return
        _tried(ledger, run, about, unseen, model)


def _tried(ledger: Ledger, run: Run, about: dict[str, Any], unseen: ImageSet, model: Classifier) -> None:
    """The noises that are kept, on the same images."""
    threat, panel = read_threat(about["threat"]), run.read_arrays("panels/universal.safetensors")
    some, device, where = (
        unseen.rows(slice(len(panel["labels"]))),
        model.mean.device,
        run.path / "panels/universal.json",
    )
    said, kept = [], []
    for fit in about["fits"]:
        files = [f"panels/noise-{target}-on-{fit['on']}.safetensors" for target in about["targets"]]
        noises = [noise(str(run.path / file), unseen.shape) for file in files]
        moved = transfer(model, dict(zip(about["targets"], noises, strict=True)), unseen, threat, device=device)
        wanted = {"matrix": _plain(moved.matrix), "success": _plain(moved.success), "counts": moved.counts.tolist()}
        ledger.same(where, f"fitted on {fit['on']}:", {key: fit[key] for key in wanted}, wanted)
        failed = [int(count) for count in moved.fooled.sum(0)]
        ledger.same(where, f"fitted on {fit['on']}: fooled", [line["count"] for line in fit["failure"]], failed)
        with Victim(model, access="labels") as victim:
            said.append(victim.labels(noisy(some.pixels(device), noises[0].to(device), threat)).cpu().numpy())
        kept.append(torch.stack(noises).numpy())
    counted = {"said": np.stack(said), "noises": np.stack(kept)}
    counted |= {"images": some.images.numpy(), "labels": some.labels.numpy()}
    for key, array in counted.items():
        if not np.array_equal(panel[key], array):
            ledger.differs(run.path / "panels/universal.safetensors", f"{key} is not what was counted again")


def _plain(array: np.ndarray) -> list[object]:
    return [_plain(row) if array.ndim > 1 else None if row != row else round(float(row), ROUNDED) for row in array]

"""Run folders made by hand, without a model: all that a report reads, with classes of any name."""

from pathlib import Path
from typing import Any

import numpy as np

from assay.data.describe import contact_sheet, describe
from assay.data.images import ImageSet
from assay.run_folder import SCHEMA, Run
from assay.tally import column, tally

N, SHAPE, EPSILONS, ATTACKS = 24, (1, 6, 5), [0.0, 0.1], ["noise", "fgsm"]
CLEAN, ATTACKED = "digits-test-24-clean", "digits-test-24-linf-0.1"


def images_of(classes: tuple[str, ...], shape: tuple[int, int, int] = SHAPE) -> ImageSet:
    import torch

    n = max(N, len(classes))
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8))
    return ImageSet("digits", "test", classes, pixels, torch.arange(n) % len(classes), torch.arange(n))


def table_of(images: ImageSet, attacks: list[str]) -> dict[str, np.ndarray]:
    """Every third image is taken for the next class; fgsm breaks every second of the others at 0.1."""
    n, labels = len(images), images.labels.numpy()
    wrong = np.arange(n) % 3 == 2
    said = np.where(wrong, (labels + 1) % len(images.classes), labels)
    table = {"index": np.arange(n), "label": labels, "clean_prediction": said, "clean_rank": wrong.astype(int)}
    table["clean_confidence"] = np.linspace(0.5, 0.9, n)
    for attack in attacks:
        for eps in EPSILONS:
            broken = ~wrong & (np.arange(n) % 2 == 0) & (attack == "fgsm") & (eps > 0)
            words = np.where(wrong, "wrong", np.where(broken, "broken", "robust")).astype(object)
            found: dict[str, Any] = {"verdict": words, "confidence": np.full(n, 0.5), "ssim": np.full(n, 0.75)}
            found |= {"prediction": np.where(broken, (labels + 1) % len(images.classes), said)}
            found |= {"size": np.full(n, eps), "l2": np.full(n, 2 * eps), "linf": np.full(n, eps)}
            table |= {column(attack, eps, what): values for what, values in found.items()}
    return table


def make_run(path: Path, classes: tuple[str, ...] = tuple("0123456789"), shape: tuple[int, int, int] = SHAPE) -> Run:
    """A trained run with a clean evaluation and one under attack."""
    run, images = Run(path), images_of(classes, shape)
    bare_run(path, classes, shape)
    learnt = {"loss": 0.5, "accuracy": 0.8, "learning_rate": 0.01, "images_per_second": 100.0, "seconds": 2.0}
    learnt |= {"validation_loss": 0.6, "validation_accuracy": 0.75}
    run.write_lines("metrics.jsonl", [{"epoch": epoch, **learnt} for epoch in (1, 2, 3)])
    run.write_arrays("panels/data.safetensors", {"sheet": contact_sheet(images).numpy()})
    run.write_json("panels/data.json", describe({"train": images, "test": images}))
    _evaluation(run, CLEAN, images, [])
    _evaluation(run, ATTACKED, images, ATTACKS)
    return run


def bare_run(path: Path, classes: tuple[str, ...] = ("0", "1"), shape: tuple[int, int, int] = SHAPE) -> Run:
    """A run of which nothing is known but that it is there."""
    run = Run(path)
    run.write_json("config.json", {"schema": SCHEMA, "data": "digits", "fingerprint": "f"})
    run.write_json("env.json", {})
    model = {"architecture": "mlp", "shape": list(shape), "classes": list(classes), "mean": [0.0], "std": [1.0]}
    run.write_json("model.json", model | {"parameters": 12345, "weights": "w"})
    return run


def _evaluation(run: Run, name: str, images: ImageSet, attacks: list[str]) -> None:
    folder, table, k = run.evaluation(name), table_of(images, attacks), len(images.classes)
    epsilons = EPSILONS if attacks else [0.0]
    about = {"data": "digits", "split": "test", "n": len(images), "fingerprint": "f", "classes": list(images.classes)}
    about |= {"shape": list(images.shape), "attacks": attacks, "norm": "linf", "eps": epsilons[-1], "seed": 0}
    about |= {"epsilons": epsilons, "goal": "untargeted", "precision": "float32", "weights": "w"}
    folder.write_json("config.json", {"schema": SCHEMA, "name": name, **about})
    folder.write_json("env.json", {"command": "assay …"})
    folder.write_table("images.parquet", table)
    folder.write_json("results.json", tally(table, attacks, epsilons, k))
    cost = {"forwards": 48, "backwards": 24, "seconds": 1.5}
    costs = [{"attack": attack, "eps": eps, **cost} for attack in attacks for eps in epsilons]
    folder.write_json("costs.json", costs)
    pictures = [{"index": row, "label": int(images.labels[row]), "verdict": "robust"} for row in range(4)]
    said = np.eye(k, dtype=np.float32)[table["clean_prediction"][:4]]
    pixels = images.images[:4].numpy()
    if not attacks:
        rules = ("random", "random", "surest mistake", "surest mistake")
        pictures = [one | {"rule": rule} for one, rule in zip(pictures, rules, strict=True)]
        folder.write_json("predictions.json", {"pictures": pictures})
        folder.write_arrays("predictions.safetensors", {"images": pixels, "probability": said})
        return
    folder.write_json("gallery.json", {"attack": "fgsm", "eps": 0.1, "pictures": [p | {"rule": "r"} for p in pictures]})
    adversarial = (pixels / 255).astype(np.float32)
    arrays = {"clean": pixels, "adversarial": adversarial, "clean_probability": said, "adversarial_probability": said}
    folder.write_arrays("gallery.safetensors", arrays)
    moving = [
        {"index": one["index"], "eps": eps, "attack": "fgsm" if eps else "", "size": eps, "verdict": verdict}
        for one in pictures
        for eps, verdict in zip(EPSILONS, ("robust", "broken" if one["index"] else "robust"), strict=True)
    ]
    folder.write_json("frames.json", {"frames": moving})
    steps = {"images": adversarial, "probability": said}
    folder.write_arrays("frames.safetensors", {key: array.repeat(len(EPSILONS), 0) for key, array in steps.items()})
    frames = [{"eps": eps, "size": eps, "verdict": "robust"} for eps in EPSILONS]
    folder.write_json("strip.json", {"attack": "fgsm", "index": 0, "label": 0, "frames": frames})
    folder.write_arrays("strip.safetensors", {"images": adversarial[:2], "probability": said[1:3]})

"""What each file of a run folder must hold: keys and their types, or the names of arrays. No torch in here.

{key: type}, [what each item or line holds], {names}; deeper where they are nested. What may be None may be missing,
and more may stand in a file.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np

from assay.spec import checked
from assay.tally import VERDICTS, column

SHARE = {"count": int, "n": int, "share": float, "low": float, "high": float}
CLEAN = ("index", "label", "clean_prediction", "clean_confidence")  # columns of images.parquet, beside the attacks'
LEARNT = ("loss", "accuracy", "learning_rate", "images_per_second", "seconds", "validation_loss", "validation_accuracy")

RUN: Mapping[str, Any] = {
    "config.json": {"schema": int, "data": str, "fingerprint": str, "recipe": dict | None, "parent": str | None},
    "env.json": {},
    "model.json": {
        "architecture": str,
        "shape": list[int],
        "classes": list[str],
        "mean": list[float],
        "std": list[float],
        "parameters": int,
        "weights": str,
    },
    "metrics.jsonl": [{"epoch": int} | dict.fromkeys(LEARNT, float)],
}
EVALUATION: Mapping[str, Any] = {
    "config.json": {
        "data": str,
        "split": str,
        "n": int,
        "fingerprint": str,
        "classes": list[str],
        "shape": list[int],
        "attacks": list[str],
        "norm": Literal["linf", "l2", "l1"],
        "eps": float,
        "epsilons": list[float],
        "goal": str,
        "seed": int,
        "precision": str,
        "weights": str,
    },
    "env.json": {},
    "results.json": {
        "clean": SHARE,
        "attacks": [{"attack": str, "eps": float, **SHARE}],
        "robust": [{"eps": float, **SHARE}],
    },
    "costs.json": [{"attack": str, "eps": float, "forwards": int, "backwards": int, "seconds": float}],
    "gallery.json": {
        "attack": str,
        "eps": float,
        "pictures": [{"rule": str, "index": int, "label": int, "verdict": str}],
    },
    "gallery.safetensors": {"clean", "adversarial", "clean_probability", "adversarial_probability"},
}
EXPLANATION: Mapping[str, Any] = {
    "config.json": {"method": str, "name": str, "unit": str, "data": str, "split": str, "classes": list[str]},
    "maps.safetensors": {"images", "labels", "index", "explained", "probability"},
}


def verify(file: object, content: Any, wanted: Any, where: str = "its content") -> None:
    """ValueError, naming the file and the place in it, unless the content is what is wanted."""
    place = f"{file} is damaged: {where}"
    if isinstance(wanted, list):
        for item in checked(place, content, list):
            verify(file, item, wanted[0], where)
    elif isinstance(wanted, dict | set):
        needed = {key for key in wanted if isinstance(wanted, set) or type(None) not in get_args(wanted[key])}
        if missing := sorted(needed - set(checked(place, content, dict))):
            raise ValueError(f"{place} lacks {', '.join(missing)}")
        if isinstance(wanted, dict):
            for key, kind in wanted.items():
                verify(file, content.get(key), kind, key)
    else:
        checked(place, content, wanted)


def wrong_in_evaluation(name: str, content: Any, config: Mapping[str, Any]) -> str:
    """What is wrong with a file of the right form beside that config.json; "" if nothing is."""
    attacked = {(attack, float(eps)) for attack in config["attacks"] for eps in config["epsilons"]}
    if name == "config.json" and content["eps"] not in content["epsilons"]:
        return f"eps {content['eps']} is none of its epsilons {content['epsilons']}"
    if name == "costs.json":
        missing = attacked - {(cost["attack"], cost["eps"]) for cost in content}
        return next((f"{attack} at eps {eps} is missing" for attack, eps in missing), "")
    if name == "gallery.json":
        labels = np.array([picture["label"] for picture in content["pictures"]])
        return wrong_labels(labels, config["classes"]) if len(labels) else "it shows no pictures"
    return _wrong_table(content, config, attacked) if name == "images.parquet" else ""


def _wrong_table(table: Mapping[str, np.ndarray], config: Mapping[str, Any], attacked: set[tuple[str, float]]) -> str:
    verdicts = {column(*pair, "verdict") for pair in attacked}
    numbers = {column(*pair, what) for pair in attacked for what in ("prediction", "confidence", "size")} | {*CLEAN}
    if missing := sorted((verdicts | numbers) - set(table)):
        return f"{missing[0]} is missing"
    if len(table["label"]) != config["n"]:
        return f"{len(table['label'])} rows, but config.json says {config['n']}"
    for key in sorted(numbers):
        if table[key].dtype.kind not in "iuf":
            return f"{key} holds {table[key].dtype}, numbers wanted"
    for key in sorted(verdicts):
        if strange := set(table[key].tolist()) - set(VERDICTS):
            return f"{key} holds {next(iter(strange))!r}, which is no verdict"
    return wrong_labels(table["label"], config["classes"])


def wrong_labels(labels: np.ndarray, classes: Sequence[str]) -> str:
    """What is wrong with labels of these classes; "" if nothing is."""
    strange = labels[(labels < 0) | (labels >= len(classes))]
    return f"label {strange[0]} is out of range, there are {len(classes)} classes" if len(strange) else ""

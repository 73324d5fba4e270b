"""What is wrong with a file of a run folder that has the right form: numbers and lengths that do not fit."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from assay.contents import CLEAN, FORMS, LARGEST, LEARNT, MAPS, NUMBERS, PICTURES, WHOLE
from assay.quality import CURVES, ORDERS
from assay.tally import CERTIFIED, VERDICTS, column


def wrong_in_run(name: str, content: Any) -> str:
    """What is wrong with a file of the right form; "" if nothing is."""
    if name == "metrics.jsonl":
        robust = ["validation_robust" in line for line in content]
        if any(robust) and (not all(robust) or any(line["validation_robust"] is None for line in content)):
            return "validation_robust is missing in some lines"
        numbers = (line[key] for line in content for key in (*LEARNT, "validation_robust", "epoch") if key in line)
        return next((f"{number:.3g} is out of range" for number in numbers if abs(number) > LARGEST), "")
    if name == "panels/data.json":
        counts = [part["per_class"] for part in content["splits"].values()]
        fits = counts and all(len(count) == len(content["classes"]) > 0 for count in counts)
        return "" if fits else f"per_class does not count {len(content['classes'])} classes"
    if name == "panels/universal.json":
        classes, targets = len(content["classes"]), len(content["targets"])
        lists = [fit[key] for fit in content["fits"] for key in ("reached", "success", "failure")]
        lists += [row for fit in content["fits"] for row in fit["matrix"]]
        tables = [fit[key] for fit in content["fits"] for key in ("matrix", "counts")]
        known = all(0 <= target < classes for target in content["targets"])
        even = all(len(each) == targets for each in lists) and all(len(each) == classes for each in tables)
        return "" if lists and targets and known and even else "its lists are of different lengths"
    if name == "panels/universal.safetensors":
        forms = {"noises": 5, "images": 4, "labels": 1, "said": 2}
        formed = all(content[key].ndim == axes for key, axes in forms.items())
        even = formed and len(content["images"]) == len(content["labels"]) == content["said"].shape[1]
        return "" if even else "its arrays do not belong together"
    if name == "panels/data.safetensors" and (wrong := _wrong_array(content["sheet"], "u", "knchw", {})):
        return f"sheet {wrong}"
    return ""


def wrong_in_evaluation(name: str, content: Any, config: Mapping[str, Any], pictures: int = 0) -> str:
    """What is wrong with a file of the right form beside that config.json; "" if nothing is.

    pictures is how many the file beside this one tells of.
    """
    if name == "config.json":
        return _wrong_settings(content)
    attacked = {(attack, float(eps)) for attack in config["attacks"] for eps in config["epsilons"]}
    if name == "costs.json":
        missing = attacked - {(cost["attack"], cost["eps"]) for cost in content}
        return next((f"{attack} at eps {eps} is missing" for attack, eps in missing), "")
    if name in ("gallery.json", "predictions.json"):
        labels = np.array([picture["label"] for picture in content["pictures"]])
        return wrong_labels(labels, config["classes"]) if len(labels) else "it shows no pictures"
    if name == "checks.json":
        worst = max((one["light"] for one in content["findings"]), key=["green", "amber", "red"].index, default="amber")
        fits = content["verdict"] == {"green": "believable", "amber": "not enough evidence", "red": "suspicious"}[worst]
        return "" if fits else f"its verdict is {content['verdict']}, but a light is {worst}"
    if name == "frames.json":
        return _wrong_frames(content["frames"])
    if name == "strip.json":
        return wrong_labels(np.array([content["label"]]), config["classes"])
    if name in PICTURES:
        sizes = dict(zip("chw", config["shape"], strict=True)) | {"n": pictures, "k": len(config["classes"])}
        found = ((key, _wrong_array(content[key], *form, sizes, finite=False)) for key, form in PICTURES[name].items())
        return next((f"{key} {wrong}" for key, wrong in found if wrong), "")
    return _wrong_table(content, config, attacked) if name == "images.parquet" else ""


def _wrong_frames(frames: Sequence[Mapping[str, Any]]) -> str:
    """Every picture has a frame at the same eps, from 0 up."""
    steps = len({frame["eps"] for frame in frames})
    rows = [frames[start : start + steps] for start in range(0, len(frames), steps or 1)]
    alike = all([one["eps"] for one in row] == [one["eps"] for one in rows[0]] for row in rows)
    whole = all(len({one["index"] for one in row}) == 1 for row in rows)
    rises = rows and [one["eps"] for one in rows[0]] == sorted({0.0, *(one["eps"] for one in rows[0])})
    return "" if rises and alike and whole else "it has not one frame of each picture at each eps"


def _wrong_settings(config: Mapping[str, Any]) -> str:
    shape, epsilons = config["shape"], config["epsilons"]
    if config["eps"] not in epsilons:
        return f"eps {config['eps']} is none of its epsilons {epsilons}"
    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape) < 1:
        return f"shape is {shape}, [C, H, W] wanted"
    if strange := [eps for eps in epsilons if not 0 <= eps <= math.prod(shape)]:
        return f"eps {strange[0]} is out of range"
    for key in ("attacks", "epsilons", "classes"):
        if twice := [value for value in config[key] if config[key].count(value) > 1]:
            return f"{key} holds {twice[0]} twice"
    return ""


def _wrong_table(table: Mapping[str, np.ndarray], config: Mapping[str, Any], attacked: set[tuple[str, float]]) -> str:
    verdicts = {column(*pair, "verdict") for pair in attacked}
    numbers = {column(*pair, what) for pair in attacked for what in NUMBERS} | {*CLEAN} | ({CERTIFIED} & set(table))
    if missing := sorted((verdicts | numbers) - set(table)):
        return f"{missing[0]} is missing"
    if len(table["label"]) != config["n"]:
        return f"{len(table['label'])} rows, but config.json says {config['n']}"
    if not config["n"]:
        return "it has no rows"
    for key in sorted(numbers):
        kind, whole = table[key].dtype.kind, key.rpartition(":")[2] in WHOLE
        if kind not in ("iu" if whole else "iuf"):
            return f"{key} holds {table[key].dtype}, {'whole ' if kind == 'f' else ''}numbers wanted"
    for key in sorted(verdicts):
        if strange := [value for value in table[key].tolist() if not isinstance(value, str) or value not in VERDICTS]:
            return f"{key} holds {strange[0]!r}, which is no verdict"
    if (table["index"] < 0).any():
        return f"index {table['index'].min()} is out of range"
    named = {"label": table["label"]}  # -1 is no prediction
    named |= {key: table[key][table[key] != -1] for key in sorted(numbers) if key.endswith("prediction")}
    return next((wrong for labels in named.values() if (wrong := wrong_labels(labels, config["classes"]))), "")


N, P = ("index", "explained"), ("steps",)  # the arrays of an explanation that say how many images and looks there are


def wrong_in_explanation(name: str, content: Any, config: Mapping[str, Any]) -> str:
    """The same for a file of an explanation."""
    if name == "config.json":
        return "" if content["maps"] else "it has no maps"
    if name == "quality.safetensors":
        return _wrong_quality(content, config)
    if name == "quality.json":
        return ""
    maps, numbered = ([f"{what}.{key}" for key in config.get(f"{what}s") or ()] for what in ("map", "number"))
    if missing := [key for key in (*maps, *numbered) if key not in content]:
        return f"{missing[0]} is missing"
    n, p = (next((content[key].size for key in keys if key in content), 0) for keys in (N, P))
    sizes = {"n": n, "p": p, "k": len(config["classes"])}
    kind = config["kind"]
    forms = FORMS | {key: ("f", MAPS[kind]) for key in maps if kind != "maps" or key != "map.class"}
    forms |= dict.fromkeys(numbered, ("f", "n"))
    if config.get("threat"):
        if wrong := _wrong_twins(content, config["maps"]):
            return wrong
        forms |= {"attacked": ("f", "nchw")} | {f"attacked.{key}": ("f", "nfhw") for key in config["maps"]}
    for key in [key for key in forms if key in content]:
        if wrong := _wrong_array(content[key], *forms[key], sizes):
            return f"{key} {wrong}"
        numbers = content[key][content[key] != -1] if key == "map.class" else content[key]  # -1 is no prediction
        if key in ("labels", "explained", "map.class") and (wrong := wrong_labels(numbers, config["classes"])):
            return wrong
    return ""


def _wrong_quality(content: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> str:
    sizes = {"n": content["index"].size}
    curves = [f"{curve}.{order}" for curve in CURVES for order in ORDERS]
    if missing := [key for key in curves if key not in content]:
        return f"{missing[0]} is missing"
    again = {"randomisation": "ms", "stability": "mt", "completeness.sum": "n", "completeness.change": "n"}
    forms = {"index": ("iu", "n"), "explained": ("iu", "n"), "probability": ("f", "n")}
    forms |= dict.fromkeys(curves, ("f", "np")) | {key: ("f", axes) for key, axes in again.items() if key in content}
    for key, form in forms.items():
        if wrong := _wrong_array(content[key], *form, sizes):
            return f"{key} {wrong}"
    if strange := sorted(set(content) - set(forms)):
        return f"{strange[0]} is none of its arrays"
    if len({content[key].shape[1] for key in curves}) > 1 or min(content[key].shape[1] for key in curves) < 2:
        return "its curves are of different lengths"
    if ("completeness.sum" in content) != ("completeness.change" in content):
        return "completeness lacks its sum or its change"
    chances = [content[key] for key in ("probability", *curves)]
    if any(values.min() < 0 or values.max() > 1 for values in chances):
        return "a probability is out of range"
    return wrong_labels(content["explained"], config["classes"])


def _wrong_twins(content: Any, layers: Sequence[str]) -> str:
    """An attacked twin for each image, and of each layer what it answers to them."""
    pairs = {"attacked": "images"} | {f"attacked.{key}": f"map.{key}" for key in layers}
    for twin, key in pairs.items():
        if twin not in content:
            return f"{twin} is missing"
        if content[twin].shape != content[key].shape:
            return f"{twin} has the shape {content[twin].shape}, {content[key].shape} wanted"
    return ""


def _wrong_array(array: np.ndarray, kinds: str, letters: str, sizes: Mapping[str, int], finite: bool = True) -> str:
    """What is wrong with an array whose sizes have those letters: c is 1 or 3; n, k and p are known, others free."""
    if array.dtype.kind not in kinds or (kinds == "u" and array.dtype != np.uint8):
        return f"holds {array.dtype}, which is another kind of numbers"
    fits = len(letters) == array.ndim and 0 not in array.shape
    for letter, size in zip(letters, array.shape, strict=False):
        fits &= size in (1, 3) if letter == "c" else size == sizes.get(letter, size)
    if not fits:
        return f"has the shape {array.shape}"
    return "" if not finite or np.isfinite(array).all() else "is not finite"


def wrong_labels(labels: np.ndarray, classes: Sequence[str]) -> str:
    """What is wrong with labels of these classes; "" if nothing is."""
    strange = labels[(labels < 0) | (labels >= len(classes))]
    return f"label {strange[0]} is out of range, there are {len(classes)} classes" if len(strange) else ""

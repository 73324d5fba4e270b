"""report.json: every figure of the page, run by run and panel by panel, for who has no eyes for a page.

    {"schema": 2, "assay", "drawn": {…}, "together": […],
     "runs": [{"name", "folder", "weights", "clean", "attacked", "panels": {…}}]}

folder is what the page calls the run's folder; clean and attacked name the evaluations that it shows. A panel without
data is null. All of it follows from the run folders: `assay verify RUN … --report FILE` counts it again, and makes the
page again; drawn says what it was drawn by, as other versions draw other lines. Nothing is drawn here.
"""

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np

from assay import __version__
from assay.corrupted_folder import KIND, corrupted_of, figures_of
from assay.report.caution import ALWAYS, unsure, untried
from assay.report.judged import judged
from assay.report.moved import read_frames, sums
from assay.report.seen import Evaluated, Seen
from assay.tally import confusion, kept_epoch, paired, stands

SCHEMA = 2
SETTINGS = ("data", "split", "n", "fingerprint", "norm", "eps", "epsilons", "goal", "attacks", "access", "seed")
EXPLAINED = ("method", "name", "kind", "maps", "unit", "words", "data", "split")
MATRIX = 30  # classes whose confusion is written out


def numbers(seen: list[Seen]) -> dict[str, Any]:
    """What report.json holds."""
    runs = [numbers_of(one) for one in seen]
    return {"schema": SCHEMA, "assay": __version__, "drawn": drawn(), "together": compared(seen), "runs": runs}


def drawn() -> dict[str, str]:
    """What the page's figures and pictures are drawn by, here."""
    return {"machine": platform.machine()} | {name: version(name) for name in ("matplotlib", "numpy", "pillow")}


def numbers_of(one: Seen) -> dict[str, Any]:
    """Of one run."""
    about = {"name": one.name, "folder": one.called, "weights": one.model["weights"]}
    about |= {"clean": one.clean.folder.path.name if one.clean else None}
    about |= {"attacked": one.attacked.folder.path.name if one.attacked else None}
    panels = {name: of(one) for name, of in OF_RUN.items()}
    panels |= {name: of(one.attacked) if one.attacked else None for name, of in UNDER_ATTACK.items()}
    return {**about, "panels": panels}


def compared(seen: list[Seen]) -> list[dict[str, Any]]:
    """The first run against each other one on the same images, with McNemar's test; none attacked otherwise."""
    return [
        {"first": first.name, "other": other.name, "eps": first.attacked.eps}
        | paired(standing(first.attacked), standing(other.attacked))
        for first in seen[:1]
        for other in seen[1:]
        if first.attacked and other.attacked and alike(first.attacked, other.attacked)
    ]


def alike(one: Evaluated, other: Evaluated) -> bool:
    """Whether two evaluations are of the same images and the same threat."""
    keys = ("fingerprint", "norm", "eps", "attacks", "goal")
    same = all(one.settings[key] == other.settings[key] for key in keys)
    same &= bool(one.settings.get("eight_bit")) == bool(other.settings.get("eight_bit"))
    return same and np.array_equal(one.table["index"], other.table["index"])


def standing(attacked: Evaluated) -> np.ndarray:
    """Whether each image stands at the threat's eps."""
    return stands(attacked.table, attacked.settings["attacks"], attacked.settings["epsilons"], attacked.eps)


def _verdict(one: Seen) -> dict[str, Any] | None:
    shown = one.attacked or one.clean
    if not shown:
        return None
    found: dict[str, Any] = {"clean": shown.figures["clean"]}
    if one.attacked:
        costs = one.attacked.costs.values()
        found |= {"eps": one.attacked.eps, "robust": one.attacked.robust(one.attacked.eps)}
        found |= {key: one.attacked.figures[key] for key in ("smallest_eps", "faults")}
        found |= {"seconds": sum(cost["seconds"] for cost in costs)}
        found |= {"passes": sum(map(one.attacked.passes, one.attacked.figures["attacks"]))}
    return found


def _per_class(one: Seen) -> dict[str, Any] | None:
    shown = one.tested
    if not shown:
        return None
    classes = shown.settings["classes"]
    matrix = confusion(shown.table, len(classes)).tolist() if len(classes) <= MATRIX else None
    figures = {key: shown.figures[key] for key in ("clean", "top5", "per_class")}
    return {"evaluation": shown.folder.path.name, "classes": classes, **figures, "confusion": matrix}


def _training(one: Seen) -> dict[str, Any] | None:
    if not one.history:
        return None
    kept = kept_epoch((one.config.get("recipe") or {}).get("keep", "last"), one.history)
    return {"epochs": one.history, "weights_of": kept, "taken_back": one.taken_back}


def _reproduce(one: Seen) -> dict[str, Any]:
    about = {key: one.model[key] for key in ("architecture", "parameters", "weights", "shape")}
    about |= {"data": one.config["data"], "fingerprint": one.config["fingerprint"], "recipe": one.config.get("recipe")}
    return about | {"made": one.env, "attacked": one.attacked.env if one.attacked else None, "others": one.others}


def _explained(kind: str) -> Callable[[Seen], list[dict[str, Any]] | None]:
    def explained(one: Seen) -> list[dict[str, Any]] | None:
        folders = [one.run.explanation(name) for name in sorted(one.run.names("explanations"))]
        found = [(folder.read_json("config.json"), judged(one.name, one.place, folder)) for folder in folders]
        kept = [
            {key: each.get(key) for key in EXPLAINED} | {"quality": checked and checked.figures}
            for each, checked in found
            if each["kind"] == kind
        ]
        return kept or None

    return explained


def _calibration(one: Seen) -> dict[str, Any] | None:
    shown = one.tested
    return {"evaluation": shown.folder.path.name, **shown.figures["calibration"]} if shown else None


def _corruptions(one: Seen) -> list[dict[str, Any]] | None:
    folders = [(name, corrupted_of(one.run, name)) for name in sorted(one.run.names(KIND))]
    return [{"name": name, **figures_of(folder)} for name, folder in folders] or None


def _panel(name: str) -> Callable[[Seen], Any]:
    return lambda one: one.run.read_json(f"panels/{name}.json") if one.run.has(f"panels/{name}.json") else None


def _curve(one: Evaluated) -> dict[str, Any] | None:
    if len(one.settings["epsilons"]) < 2:
        return None
    noise = [line for line in one.figures["attacks"] if line["attack"].startswith("noise")]
    return {"robust": one.figures["robust"], "noise": noise}


def _damage(one: Evaluated) -> list[dict[str, Any]]:
    return [
        {**line, "passes": one.passes(line), "seconds": one.costs[line["attack"], line["eps"]]["seconds"]}
        for line in one.figures["attacks"]
    ]


def _climb(one: Evaluated) -> list[dict[str, Any]] | None:
    if not one.folder.has("curves.safetensors"):
        return None
    curves = one.folder.read_arrays("curves.safetensors")
    return [
        {"curve": name, "first": float(values[0]), "last": float(values[-1]), "steps": len(values)}
        for name, values in sorted(curves.items())
        if np.isfinite(values[[0, -1]]).all()
    ]


def _gallery(one: Evaluated) -> dict[str, Any] | None:
    if not one.folder.has("gallery.json"):
        return None
    words = one.folder.read_json("gallery.json")
    frames = read_frames(one, words["pictures"])
    steps = [] if frames is None else [{"eps": eps, **runs[0]} for eps, runs in sums([frames])]
    return {**words, "frames": steps}


def _file(name: str) -> Callable[[Evaluated], Any]:
    return lambda one: one.folder.read_json(name) if one.folder.has(name) else None


def _smallest(one: Evaluated) -> dict[str, Any]:
    return {**one.figures["smallest_change"], "fallen": one.figures["fallen"]}


def _becomes(one: Evaluated) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = next(line["pairs"] for line in one.figures["becomes"] if line["eps"] == one.eps)
    return found


OF_RUN: dict[str, Callable[[Seen], Any]] = {
    "verdict": _verdict,
    "predictions": lambda one: _file("predictions.json")(one.clean) if one.clean else None,
    "per_class": _per_class,
    "explanations": _explained("maps"),
    "filters": _explained("filters"),
    "class_images": _explained("class_images"),
    "activations": _explained("activations"),
    "calibration": _calibration,
    "corruptions": _corruptions,
    "universal": _panel("universal"),
    "training": _training,
    "doctor": _panel("doctor"),
    "contact_sheet": _panel("data"),
    "reproduce": _reproduce,
    "limits": lambda one: {"not_tried": untried(one), "careful": [*unsure(one), *ALWAYS]},
}
UNDER_ATTACK: dict[str, Callable[[Evaluated], Any]] = {
    "threat_model": lambda one: {key: one.settings.get(key) for key in SETTINGS},
    "curve": _curve,
    "attacks_table": lambda one: [line for line in _damage(one) if line["eps"] == one.eps],
    "damage": _damage,
    "cost": _climb,
    "checks": _file("checks.json"),
    "gallery": _gallery,
    "strip": _file("strip.json"),
    "becomes": _becomes,
    "smallest": _smallest,
    "certified": lambda one: one.figures["certified"],
}

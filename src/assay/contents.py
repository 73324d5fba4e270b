"""What each file of a run folder must hold: keys and their types, or the names of arrays. No torch in here.

{key: type}, [what each item or line holds], {names}; deeper where they are nested. What may be None may be missing,
and more may stand in a file.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from assay.spec import checked

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

"""What each file of a run folder must hold: keys and their types, or the names of arrays. No torch in here.

{key: type}, {...: what each value is}, [what each item or line holds], {names}; deeper where they are nested. What may
be None may be missing, and more may stand in a file.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from assay.spec import checked

SHARE = {"count": int, "n": int, "share": float, "low": float, "high": float}
# the columns of images.parquet: of the clean image, and, beside its verdict, of each attack
CLEAN = ("index", "label", "clean_prediction", "clean_confidence", "clean_rank")
NUMBERS = ("prediction", "confidence", "size", "l2", "linf", "ssim")
WHOLE = ("index", "label", "clean_prediction", "clean_rank", "prediction")  # no fractions
MAYBE = ("validation_robust", "validation_certified", "growth", "abnormal", "peak_memory")
LARGEST = 1e100  # of what a training measures: the product of two is still a number
LEARNT = ("loss", "accuracy", "learning_rate", "images_per_second", "seconds", "validation_loss", "validation_accuracy")

RUN: Mapping[str, Any] = {
    "config.json": {"schema": int, "data": str, "fingerprint": str, "recipe": dict | None, "parent": str | None}
    | {"skip_bad": bool | None, "initial_weights": str | None},
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
    "metrics.jsonl": [{"epoch": int, **dict.fromkeys(MAYBE, float | None)} | dict.fromkeys(LEARNT, float)],
    "panels/data.json": {
        "name": str,
        "task": str,
        "shape": list[int],
        "features": int,
        "classes": list[str],
        "mean": list[float],
        "std": list[float],
        "splits": {...: {"images": int, "fingerprint": str, "per_class": list[int], "also_in_train": int}},
    },
    "panels/data.safetensors": {"sheet"},
    "panels/trained_on.safetensors": {"prints"},
    "panels/universal.safetensors": {"noises", "images", "labels", "said"},
    "panels/universal.json": {
        **{"threat": str, "data": str, "classes": list[str], "targets": list[int], "n": int, "steps": int},
        "fits": [
            {"on": int, "reached": list[float], "success": [float | None], "failure": [SHARE]}
            | {"matrix": [[float | None]], "counts": list[int]}
        ],
    },
    "panels/sentinel.json": {
        "taken_back": [
            {"epoch": int, "because": str, "method": str, "back_to": int, "then": str}
            | {"lines": [{"epoch": int, "accuracy": float, "validation_robust": float}]}
        ]
    },
    "panels/doctor.json": {
        "examined": [
            {"what": Literal["attack", "model"], "subject": str, "claims": str, "healthy": bool, "seconds": float}
            | {"checks": list[str], "skipped": list[str]}
            | {
                "findings": [
                    dict.fromkeys(("name", "effect", "mend", "check"), str)
                    | {"severity": Literal["error", "warning", "note"], "images": list[int]}
                ]
            }
        ]
    },
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
        "trained_on": int | None,
        "notes": list[str] | None,
        "eight_bit": bool | None,
        "access": Literal["gradients", "scores", "labels"] | None,
        "half_width": float | None,  # of the interval that was asked for; the images are then drawn at random
    },
    "env.json": {},
    "results.json": {
        "clean": SHARE,
        "top5": SHARE,
        "per_class": [{"n": int, "recall": float | None, "precision": float | None, "f1": float | None}],
        "attacks": [{"attack": str, "eps": float, **SHARE}],
        "robust": [{"eps": float, **SHARE}],
        "calibration": dict | None,
    },
    "checks.json": {
        "verdict": Literal["believable", "suspicious", "not enough evidence"],
        "because": list[str],
        "n": int,
        "findings": [
            {"check": str, "light": Literal["green", "amber", "red"], "because": str}
            | {"evidence": {...: float}, "seconds": float}
        ],
    },
    "costs.json": [{"attack": str, "eps": float, "forwards": int, "backwards": int, "seconds": float}],
    "gallery.json": {
        "attack": str,
        "eps": float,
        "pictures": [{"rule": str, "index": int, "label": int, "verdict": str}],
    },
    "gallery.safetensors": {"clean", "adversarial", "clean_probability", "adversarial_probability"},
    "frames.json": {
        "frames": [
            {"index": int, "eps": float, "attack": str, "size": float}
            | {"verdict": Literal["robust", "broken", "fault", "exempt"]}
        ]
    },
    "frames.safetensors": {"images", "probability"},
    "strip.json": {
        "attack": str,
        "index": int,
        "label": int,
        "frames": [{"eps": float, "size": float, "verdict": Literal["robust", "broken", "fault", "exempt"]}],
    },
    "strip.safetensors": {"images", "probability"},
    "curves.safetensors": set(),
    "predictions.json": {"pictures": [{"rule": str, "index": int, "label": int}]},
    "predictions.safetensors": {"images", "probability"},
}
EXPLANATION: Mapping[str, Any] = {
    "config.json": {
        "method": str,
        "name": str,
        "kind": Literal[
            "maps", "filters", "activations", "class_images"
        ],  # and the arrays are in the file of that name
        "maps": list[str],
        "numbers": list[str] | None,
        "unit": str,
        "words": list[str],
        "data": str | None,
        "split": str | None,
        "classes": list[str],
        "checked": bool | None,  # whether the maps are true; then quality.json and its numbers are there
        "attack": str | None,  # with the images' attacked twins
        "threat": str | None,
    },
    "quality.json": {
        **{"n": int, "again": int, "steps": int, "noise": float, "stages": list[str], "because": list[str]},
        "mark": Literal["do not trust", "not enough evidence", "nothing against it"],
        "checks": [
            {"check": str, "n": int, "value": float, "low": float | None, "high": float | None, "wanted": str}
            | {"verdict": Literal["passed", "failed", "no evidence"], "because": str}
        ],
    },
    "quality.safetensors": {"index", "explained", "probability"},
    "maps.safetensors": {"images", "labels", "index", "explained", "probability"},
    "filters.safetensors": set(),
    "activations.safetensors": {"images", "labels", "index"},
    "class_images.safetensors": {
        *("explained", "start", "logits", "kept", "stopped", "steps", "curve.logit", "curve.probability")
    },
}

PICTURES = {  # of an evaluation: the arrays of a file, and the file beside it that says how many there are
    "gallery.safetensors": {
        **{"clean": ("u", "nchw"), "adversarial": ("f", "nchw")},
        **dict.fromkeys(("clean_probability", "adversarial_probability"), ("f", "nk")),
    },
    "strip.safetensors": {"images": ("f", "nchw"), "probability": ("f", "nk")},
    "frames.safetensors": {"images": ("f", "nchw"), "probability": ("f", "nk")},
    "predictions.safetensors": {"images": ("u", "nchw"), "probability": ("f", "nk")},
}
BESIDE = {
    "gallery.safetensors": ("gallery.json", "pictures"),
    "predictions.safetensors": ("predictions.json", "pictures"),
    "strip.safetensors": ("strip.json", "frames"),
    "frames.safetensors": ("frames.json", "frames"),
}
MAPS = {"maps": "nhw", "filters": "fchw", "activations": "nfhw", "class_images": "nchw"}  # the letters of _wrong_array
FORMS = {
    "images": ("u", "nchw"),
    "index": ("iu", "n"),
    "labels": ("iu", "n"),
    "explained": ("iu", "n"),
    "probability": ("f", "nk"),
    "map.class": ("i", "nhw"),
    **dict.fromkeys(("start", "kept", "stopped"), ("iu", "n")),
    "steps": ("iu", "p"),
    "logits": ("f", "nk"),
    **dict.fromkeys(("curve.logit", "curve.probability"), ("f", "np")),
}


def verify(file: object, content: Any, wanted: Any, where: str = "its content") -> None:
    """ValueError, naming the file and the place in it, unless the content is what is wanted."""
    place = f"{file} is damaged: {where}"
    if isinstance(wanted, list):
        for item in checked(place, content, list):
            verify(file, item, wanted[0], where)
    elif isinstance(wanted, dict) and ... in wanted:
        for key, item in checked(place, content, dict).items():
            verify(file, item, wanted[...], key)
    elif isinstance(wanted, dict | set):
        needed = {key for key in wanted if isinstance(wanted, set) or type(None) not in get_args(wanted[key])}
        if missing := sorted(needed - set(checked(place, content, dict))):
            raise ValueError(f"{place} lacks {', '.join(missing)}")
        if isinstance(wanted, dict):
            for key, kind in wanted.items():
                verify(file, content.get(key), kind, key)
    else:
        checked(place, content, wanted)

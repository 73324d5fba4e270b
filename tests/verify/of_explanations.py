"""Forgeries of what is shown of the inside: class images, and activations with attacked twins."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import safetensors.numpy

from tests.verify.forging import FORGERIES, RERUN, Forgery, patch

Arrays = dict[str, np.ndarray]
MADE, TWINS = "class_images.safetensors", "activations.safetensors"


def arrays(file: str, change: Callable[[Arrays], None]) -> Forgery:
    """The arrays of an explanation, changed."""

    def forge(run: Path) -> None:
        (path,) = run.glob(f"explanations/*/{file}")
        found = safetensors.numpy.load_file(path)
        change(found)
        path.write_bytes(safetensors.numpy.save({key: np.ascontiguousarray(array) for key, array in found.items()}))

    return forge


def config(file: str, *keys: str | int, value: object) -> Forgery:
    """A value in the config.json beside it."""
    return lambda run: patch(next(run.glob(f"explanations/*/{file}")).with_name("config.json"), *keys, value=value)


def surer(found: Arrays) -> None:
    """Every answer a little surer of its class."""
    found["logits"][np.arange(20), found["explained"]] += 1


def surer_in_every_number(found: Arrays) -> None:
    """The same, the curves made to fit."""
    surer(found)
    place = np.searchsorted(found["steps"], found["kept"])
    raised = np.exp(found["logits"] - found["logits"].max(1, keepdims=True))
    shares = (raised / raised.sum(1, keepdims=True))[np.arange(20), found["explained"]]
    found["curve.logit"][np.arange(20), place] += 1
    found["curve.probability"][np.arange(20), place] = shares


def other_pictures(found: Arrays) -> None:
    """Those of one noise for those of the other, with all numbers that belong to them."""
    order = np.arange(20) ^ 1
    for key in ("map.image", "logits", "kept", "stopped", "curve.logit", "curve.probability"):
        found[key] = found[key][order]


def pixel(key: str, value: float) -> Callable[[Arrays], None]:
    def change(found: Arrays) -> None:
        found[key][0, 0, 0, 0] = value

    return change


def curve(found: Arrays) -> None:
    found["curve.logit"][3, 1] = found["curve.logit"].max() + 9


def another_way(found: Arrays) -> None:
    """The way between the first look and the one that is kept, as if it had been hard."""
    place = np.searchsorted(found["steps"], found["kept"])
    for row, kept in enumerate(place):
        inside = [step for step in range(1, len(found["steps"])) if step != kept]
        found["curve.logit"][row, inside] = found["curve.logit"].min() - 100


def unplaced(run: Path) -> None:
    """A map of which nobody says whose pictures it is of."""
    for name in ("data", "split"):
        path = next(run.glob("explanations/*/maps.safetensors")).with_name("config.json")
        content = json.loads(path.read_text("utf-8"))
        content.pop(name)
        path.write_text(json.dumps(content), encoding="utf-8")


def longer(found: Arrays) -> None:
    found["steps"][-1] = 9


def late(found: Arrays) -> None:
    found["kept"][:] = 7


def another_class(found: Arrays) -> None:
    found["explained"][0] = 1


def calmer(found: Arrays) -> None:
    """The twin's answers brought nearer to the image's."""
    found["attacked.conv 1"] = ((found["attacked.conv 1"] + found["map.conv 1"].astype(np.float32)) / 2).astype(
        np.float16
    )


def far(found: Arrays) -> None:
    found["attacked"] = np.clip(found["attacked"] + 0.05, 0, 1).astype(np.float32)


FORGERIES |= {
    "a map of no data": (unplaced, "config.json", "data and split are missing"),
    "surer of a class image": (arrays(MADE, surer), MADE, "curve.logit is not of the logits"),
    "a class image with a pixel outside": (arrays(MADE, pixel("map.image", 1.5)), MADE, "a pixel is out of [0, 1]"),
    "a curve above the image that is kept": (arrays(MADE, curve), MADE, "a higher point than the one that is kept"),
    "more iterations than are said": (arrays(MADE, longer), MADE, "more or fewer steps than are said"),
    "kept where nobody looked": (arrays(MADE, late), MADE, "kept at a step that was not looked at"),
    "another class": (arrays(MADE, another_class), MADE, "the classes and noises are not those of the settings"),
    "other words of class images": (config(MADE, "words", 0, value="surer"), "class_image", "words"),
    "another unit": (config(MADE, "unit", value="pixels"), "class_image", "unit"),
    "a twin beyond its threat": (arrays(TWINS, far), TWINS, "its attacked twin is not within linf(0.1)"),
    "a wider threat, not in the words": (config(TWINS, "words", -1, value="moved by 0"), "activations", "words"),
    "another attack": (config(TWINS, "attack", value="cw"), "activations", "attack is 'cw'"),
    "a twin's answers nearer, not in the words": (arrays(TWINS, calmer), "activations", "words"),
}
RERUN |= {
    "another way to a class image": (arrays(MADE, another_way), MADE, "curve.logit is not that of the way"),
    "surer in every number": (arrays(MADE, surer_in_every_number), MADE, "logits are not the model's answers"),
    "class images of the other noise": (
        arrays(MADE, other_pictures),
        MADE,
        "is not what class_image(steps=8, starts=2)",
    ),
    "a twin's answers nearer": (arrays(TWINS, calmer), "activations", "attacked.conv 1 is not what activations finds"),
}

"""Forgeries of whether a map is true; whoever changes a number counts the mark again with our own judge."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.quality import judge
from assay.run_folder import Explanation
from tests.verify.forging import FORGERIES, RERUN, Forgery, forgery, patch

NUMBERS = "quality.safetensors"
Change = Callable[[dict[str, np.ndarray]], object]


def folder(run: Path) -> Explanation:
    (path,) = run.glob("explanations/*saliency")
    return Explanation(path)


def numbers(change: Change) -> Forgery:
    def forge(run: Path) -> None:
        explanation = folder(run)
        arrays = {key: array.copy() for key, array in explanation.read_arrays(NUMBERS).items()}
        change(arrays)
        explanation.write_arrays(NUMBERS, arrays)
        told = explanation.read_json("quality.json")
        explanation.write_json("quality.json", told | judge(arrays) | {"n": len(arrays["index"])})

    return forge


def steeper(arrays: dict[str, np.ndarray]) -> None:
    arrays["deletion.method"][:, 1:-1] *= 0.5


def from_the_start(arrays: dict[str, np.ndarray]) -> None:
    arrays["deletion.method"][:, 0] = 0.5


def fewer(arrays: dict[str, np.ndarray]) -> None:
    arrays |= {key: array[:-1] if len(array) == len(arrays["index"]) else array for key, array in arrays.items()}


FORGERIES |= {
    "a curve that begins elsewhere": (numbers(from_the_start), NUMBERS, "deletion.method of the whole image does not"),
    "another class explained": (
        numbers(lambda arrays: arrays.update(explained=(arrays["explained"] + 1) % 10)),
        NUMBERS,
        "explained does not fit",
    ),
    "fewer images judged": (numbers(fewer), NUMBERS, "index: other images"),
    "others judged": (numbers(lambda arrays: arrays["index"].__iadd__(1)), NUMBERS, "index: other images"),
    "a row of the cascade away": (
        numbers(lambda arrays: arrays.update(randomisation=arrays["randomisation"][:, :-1])),
        NUMBERS,
        "randomisation: its shape",
    ),
}
RERUN |= {
    "a steeper curve": (numbers(steeper), NUMBERS, "deletion.method is not what the check of saliency finds"),
    "another map by new weights": (
        numbers(lambda arrays: arrays["randomisation"].__imul__(0.5)),
        NUMBERS,
        "randomisation is not what the check of saliency finds",
    ),
    "a steadier map": (
        numbers(lambda arrays: arrays["stability"].fill(0.99)),
        NUMBERS,
        "stability is not what the check of saliency finds",
    ),
}


@forgery("quality.json", "mark is")
def another_mark(run: Path) -> None:
    other = {"nothing against it": "do not trust"}
    patch(folder(run).path / "quality.json", "mark", value=lambda mark: other.get(mark, "nothing against it"))


@forgery("quality.json", "checks [2] value is 0.001")
def another_figure(run: Path) -> None:
    patch(folder(run).path / "quality.json", "checks", 2, "value", value=0.001)


@forgery("quality.json", "is missing")
def no_mark(run: Path) -> None:
    (folder(run).path / "quality.json").unlink()


@forgery("config.json", "says that nobody checked")
def never_checked(run: Path) -> None:
    patch(folder(run).path / "config.json", "checked", value=False)

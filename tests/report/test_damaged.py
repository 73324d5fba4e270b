"""Damaged files of a report: whatever is missing or of another form, one line that names the file, and no traceback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.mistakes.saying import alone, refuse, say, undrawn
from tests.report.runs import ATTACKED, CLEAN, make_run

pytestmark = pytest.mark.slow  # a page is written for each

__all__ = ["alone", "refuse", "say", "undrawn"]  # fixtures
PREDICTIONS, STRIP = f"evaluations/{CLEAN}/predictions", f"evaluations/{ATTACKED}/strip"
GALLERY, DATA = f"evaluations/{ATTACKED}/gallery", "panels/data"
ARRAYS = [
    (PREDICTIONS, "images"),
    (PREDICTIONS, "probability"),
    (STRIP, "images"),
    (STRIP, "probability"),
    (GALLERY, "clean"),
    (GALLERY, "adversarial"),
    (GALLERY, "clean_probability"),
    (GALLERY, "adversarial_probability"),
    (DATA, "sheet"),
]
DAMAGES: dict[str, Callable[[np.ndarray], np.ndarray | None]] = {
    "missing": lambda array: None,
    "of one dimension less": lambda array: array[0],
    "of one dimension more": lambda array: array[None],
    "empty": lambda array: array[..., :0],
    "flat": lambda array: array.reshape(-1),
    "of one number": lambda array: array.reshape(-1)[0],
    "of another kind": lambda array: array.astype(np.float64 if array.dtype == np.uint8 else np.uint8),
    "whole numbers": lambda array: array.astype(np.int32),
    "bool": lambda array: array > 0,
}
SHORTER = {"too short": lambda array: array[:-1], "too long": lambda array: np.concatenate([array, array[:1]])}
WIDER = {
    "narrower": lambda array: array[..., :-1],
    "wider": lambda array: np.concatenate([array, array[..., :1]], -1),
}
ROWS = [
    pytest.param(name, key, change, id=f"{name[-11:]} {key} {how}")
    for name, key in ARRAYS
    for how, change in (DAMAGES | (SHORTER | WIDER if name != DATA else {})).items()
]


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(("name", "key", "change"), ROWS)
def test_arrays(
    refuse: Callable[..., str], name: str, key: str, change: Callable[[np.ndarray], np.ndarray | None]
) -> None:
    make_run(Path("run"))
    file = Path("run") / f"{name}.safetensors"
    arrays = safetensors.numpy.load_file(file)
    changed = change(arrays.pop(key))
    if changed is not None:
        arrays[key] = np.asarray(changed, order="C")
    file.write_bytes(safetensors.numpy.save(arrays))
    line = refuse("report", "run")
    assert line.startswith(f"{file} is damaged: ")
    assert key in line
    assert not Path("report.html").exists()


TEXTS = [
    (PREDICTIONS, ("pictures", 0, "label"), 10, "label 10 is out of range"),
    (PREDICTIONS, ("pictures", 0, "label"), -1, "label -1 is out of range"),
    (PREDICTIONS, ("pictures", 0, "label"), "3", "label must be a whole number"),
    (PREDICTIONS, ("pictures", 0, "rule"), None, "rule must be text"),
    (PREDICTIONS, ("pictures",), [], "it shows no pictures"),
    (PREDICTIONS, ("pictures",), {}, "pictures must be a list"),
    (STRIP, ("label",), 10, "label 10 is out of range"),
    (STRIP, ("label",), 0.5, "label must be a whole number"),
    (STRIP, ("attack",), 3, "attack must be text"),
    (STRIP, ("frames",), "0.1", "frames must be a list"),
    (STRIP, ("frames", 0, "size"), float("nan"), "size must be a number"),
    (GALLERY, ("pictures", 1, "label"), 10, "label 10 is out of range"),
    (DATA, ("classes",), [], "per_class does not count 0 classes"),
    (DATA, ("classes",), ["a"], "per_class does not count 1 classes"),
    (DATA, ("splits",), {}, "per_class"),
    (DATA, ("splits",), [], "splits"),
    (DATA, ("splits", "train", "per_class"), [1], "per_class"),
    (DATA, ("splits", "train", "per_class", 0), "many", "per_class"),
    (DATA, ("splits", "train"), {}, "lacks"),
    (DATA, ("mean",), None, "mean must be"),
    (DATA, ("mean", 0), float("inf"), "mean must be"),
    (DATA, ("shape",), "1x8x8", "shape must be"),
    (DATA, ("features",), "64", "features must be"),
]


@pytest.mark.parametrize(("name", "path", "value", "said"), TEXTS, ids=[f"{r[0][-11:]} {r[1]} {r[2]}" for r in TEXTS])
def test_texts(refuse: Callable[..., str], name: str, path: tuple[Any, ...], value: Any, said: str) -> None:
    make_run(Path("run"))
    file = Path("run") / f"{name}.json"
    content = json.loads(file.read_text("utf-8"))
    inner = content
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    file.write_text(json.dumps(content))
    line = refuse("report", "run")
    assert line.startswith(f"{file} is damaged: ")
    assert said in line


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "[]", "{}", "3", "null", "{"])
@pytest.mark.parametrize("name", [PREDICTIONS, STRIP, GALLERY, DATA])
def test_texts_of_another_kind(refuse: Callable[..., str], name: str, content: str) -> None:
    make_run(Path("run"))
    (Path("run") / f"{name}.json").write_text(content)
    assert refuse("report", "run").startswith(f"run/{name}.json is damaged: ")


@pytest.mark.parametrize("name", [PREDICTIONS, STRIP, GALLERY, DATA])
def test_arrays_that_are_not_there(refuse: Callable[..., str], name: str) -> None:
    make_run(Path("run"))
    (Path("run") / f"{name}.safetensors").unlink()
    line = refuse("report", "run")
    assert Path(name).name in line
    assert "is damaged" in line


@pytest.mark.parametrize(
    ("column", "change", "said"),
    [
        ("label", lambda values: values + 0.5, "label holds float64, whole numbers wanted"),
        ("clean_rank", lambda values: values * np.nan, "clean_rank holds float64, whole numbers wanted"),
        ("clean_prediction", lambda values: values + 9, "label 10 is out of range"),
        ("clean_prediction", lambda values: values - 2, "label -2 is out of range"),
        ("clean_rank", None, "clean_rank is missing"),
        ("fgsm@0.1:ssim", None, "fgsm@0.1:ssim is missing"),
        ("noise@0.0:l2", lambda values: values.astype(str), "noise@0.0:l2 holds object, numbers wanted"),
    ],
)
def test_tables(
    refuse: Callable[..., str], column: str, change: Callable[[np.ndarray], np.ndarray] | None, said: str
) -> None:
    run = make_run(Path("run"))
    folder = run.evaluation(ATTACKED if "@" in column else CLEAN)
    table = folder.read_table("images.parquet")
    found = table.pop(column)
    if change:
        table[column] = change(found)
    folder.write_table("images.parquet", table)
    line = refuse("report", "run")
    assert line.startswith(f"{folder.path / 'images.parquet'} is damaged: ")
    assert said in line


@pytest.mark.parametrize("name", [PREDICTIONS, STRIP, GALLERY])
def test_what_the_model_could_not_answer_is_shown_or_refused_but_never_a_traceback(say, name: str) -> None:  # type: ignore[no-untyped-def]
    make_run(Path("run"))
    file = Path("run") / f"{name}.safetensors"
    arrays = safetensors.numpy.load_file(file)
    spoilt = {key: array * np.float32("nan") if array.dtype.kind == "f" else array for key, array in arrays.items()}
    file.write_bytes(safetensors.numpy.save(spoilt))
    said = say("report", "run")
    assert said.code in (0, 2), said
    assert said.err.count("\n") <= 1
    assert "nan" not in Path("report.html").read_text("utf-8") if said.code == 0 else file.name in said.err

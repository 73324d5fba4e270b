"""A damaged run folder: whatever is wrong with whichever file, the line names it, and what is whole still works."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

from assay.run_folder import Evaluation, Run
from tests.mistakes.saying import ATTACKED, EXPLAINED, Say

Refuse = Callable[..., str]
EVALUATION, EXPLANATION = f"evaluations/{ATTACKED}", f"explanations/{EXPLAINED}"
EVALUATE = ("attack", "run", "--attack", "noise", "--images", "2")
READERS = {  # of each file, a command that cannot do without it
    "config.json": EVALUATE,
    "model.json": EVALUATE,
    "model.safetensors": EVALUATE,
    "checkpoint.pt": ("train", "digits_cnn", "--resume", "--out", "run"),
    "env.json": ("report", "run"),
    "metrics.jsonl": ("report", "run"),
    f"{EVALUATION}/config.json": ("compare", "run", "other"),
    f"{EVALUATION}/images.parquet": ("compare", "run", "other"),
    f"{EVALUATION}/env.json": ("report", "run"),
    f"{EVALUATION}/costs.json": ("report", "run"),
    f"{EVALUATION}/gallery.json": ("report", "run"),
    f"{EVALUATION}/gallery.safetensors": ("report", "run"),
    f"{EXPLANATION}/config.json": ("report", "run"),
    f"{EXPLANATION}/maps.safetensors": ("report", "run"),
    f"{EXPLANATION}/quality.json": ("report", "run"),
    f"{EXPLANATION}/quality.safetensors": ("report", "run"),
}
MAY_MISS = ("checkpoint.pt", "metrics.jsonl", f"{EVALUATION}/gallery.json", f"{EXPLANATION}/config.json")


@pytest.fixture
def other(finished: Path, alone: Path) -> Path:
    return shutil.copytree(finished, alone / "other")


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 5])  # of two lines that is amid the first


def end_early(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def scribble(path: Path) -> None:
    path.write_bytes(b"\xff\x00{[" * 50)


DAMAGES = [
    (name, damage)
    for name in READERS
    for damage in (remove, empty, halve, end_early, scribble)
    if not (damage is remove and name in MAY_MISS) and (name, damage) != ("metrics.jsonl", empty)  # no epoch, no line
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES)
def test_a_damaged_file_is_named(
    refuse: Refuse, run: Path, other: Path, name: str, damage: Callable[[Path], None]
) -> None:
    damage(run / name)
    line = refuse(*READERS[name])
    if damage is remove and name.endswith(f"{EVALUATION}/config.json"):
        assert "have no evaluation of the same images" in line  # it was not finished
    elif damage is remove and name == "config.json":
        assert line == "run is no run folder: it has no config.json"
    else:
        assert Path(name).name in line
        assert "is damaged" in line
    assert not Path("report.html").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "checkpoint.pt", f"{EVALUATION}/images.parquet"])
def test_one_bit_that_changed_is_found(refuse: Refuse, run: Path, other: Path, name: str) -> None:
    content = bytearray((run / name).read_bytes())
    place = len(content) // 3
    if name.endswith(".parquet"):  # the last byte of a column: not of its header, where bits may not matter
        column = pq.ParquetFile(run / name).metadata.row_group(0).column(1)
        place = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size - 1
    content[place] ^= 1
    (run / name).write_bytes(content)
    assert f"run/{name}" in refuse(*READERS[name])


JSON = [
    ("config.json", "schema", 1, "has schema 1, this version of assay reads 2"),
    ("config.json", "schema", "1", "schema must be a whole number, got '1'"),
    ("config.json", "data", None, "data must be text, got None"),
    ("config.json", "data", ..., "its content lacks data"),
    (
        "model.json",
        "architecture",
        "mnist_cn",
        "run: unknown model 'mnist_cn'; there are better_cnn, mlp, mnist_cnn, ",
    ),
    ("model.json", "shape", [1, 8], "shape is [1, 8], [C, H, W] wanted"),
    ("model.json", "shape", [1, 8, -8], "shape is [1, 8, -8]"),
    ("model.json", "shape", [1, 28, 28], "run: the weights do not fit the model: 7.weight has shape (500, 128)"),
    ("model.json", "shape", [1, 1 << 40, 1 << 40], "cannot be built for images"),
    ("model.json", "shape", "1x8x8", "shape must be a list, each a whole number, got '1x8x8'"),
    ("model.json", "classes", [], "needs at least 2 classes, got 0"),
    ("model.json", "classes", [0, 1], "classes must be a list, each text, got [0, 1]"),
    ("model.json", "mean", [0.1, 0.2], "mean and std need one number for each of 1 channels"),
    ("model.json", "mean", [float("nan")], "mean must be a list, each a number, got [nan]"),
    ("model.json", "std", [0], "std above 0"),
    ("model.json", "weights", "0" * 16, "model.json says 0000000000000000"),
    (f"{EVALUATION}/config.json", "epsilons", ["a"], "epsilons must be a list, each a number, got ['a']"),
    (f"{EVALUATION}/config.json", "eps", 0.7, "eps 0.7 is none of its epsilons [0.1]"),
    (f"{EVALUATION}/config.json", "attacks", ["fgsm", "pgd"], "pgd@0.1:confidence is missing"),
    (f"{EVALUATION}/config.json", "n", 13, "12 rows, but config.json says 13"),
    (f"{EVALUATION}/config.json", "norm", "l7", "norm must be 'linf' or 'l2' or 'l1', got 'l7'"),
    (f"{EVALUATION}/gallery.json", "pictures", [], "it shows no pictures"),
    (f"{EVALUATION}/gallery.json", "pictures", [{"rule": "random"}], "pictures lacks index, label, verdict"),
    (f"{EXPLANATION}/config.json", "classes", ["0"], "maps.safetensors is damaged: label"),
]


@pytest.mark.parametrize(("name", "key", "value", "said"), JSON, ids=[f"{row[0]}: {row[1]} {row[2]}" for row in JSON])
def test_what_json_holds_is_checked(
    refuse: Refuse, run: Path, other: Path, name: str, key: str, value: Any, said: str
) -> None:
    content = json.loads((run / name).read_text("utf-8"))
    content[key] = value
    if value is ...:
        del content[key]
    (run / name).write_text(json.dumps(content))
    assert said in refuse(*(("report", "run") if "/" in name else READERS[name]))


@pytest.mark.parametrize("content", [[], {}, 3, "text", None, [[]]], ids=repr)
@pytest.mark.parametrize("name", ["config.json", "model.json", f"{EVALUATION}/config.json", f"{EVALUATION}/costs.json"])
def test_json_of_another_kind(refuse: Refuse, run: Path, other: Path, name: str, content: Any) -> None:
    (run / name).write_text(json.dumps(content))
    assert f"run/{name} is damaged: " in refuse(*READERS[name])


def test_weights_of_another_model_are_found(refuse: Refuse, run: Path) -> None:
    weights = safetensors.numpy.load_file(run / "model.safetensors")
    (run / "model.safetensors").write_bytes(safetensors.numpy.save({key: value + 1 for key, value in weights.items()}))
    assert refuse(*EVALUATE).startswith("run/model.safetensors has hash ")


def test_weights_that_are_no_numbers(refuse: Refuse, run: Path) -> None:
    description, weights = Run(run).read_model()
    Run(run).write_model(description, {key: value * np.float32("nan") for key, value in weights.items()})
    line = "the model returns NaN or infinity for 2 of 2 clean images"
    assert refuse(*EVALUATE) == line
    assert refuse("explain", "run", "--method", "saliency").startswith("the model returns NaN")
    assert refuse("harden", "run", "--out", "h", "--images", "2") == line
    assert not Path("h").exists()


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("label", np.full(12, 10), "label 10 is out of range, there are 10 classes"),
        ("label", np.array(["a"] * 12), "label holds object, numbers wanted"),
        ("fgsm@0.1:verdict", np.array(["robus"] * 12), "holds 'robus', which is no verdict"),
        ("fgsm@0.1:size", None, "fgsm@0.1:size is missing"),
    ],
)
def test_a_table_that_holds_something_else(
    refuse: Refuse, run: Path, other: Path, column: str, values: np.ndarray | None, said: str
) -> None:
    folder = Evaluation(run / EVALUATION)
    table = folder.read_table("images.parquet")
    table.pop(column) if values is None else table.update({column: values})
    folder.write_table("images.parquet", table)
    for words in (("compare", "run", "other"), ("report", "run")):
        line = refuse(*words)
        assert line.startswith(f"run/{EVALUATION}/images.parquet is damaged: ")
        assert said in line


def test_what_is_whole_still_works(say: Say, run: Path) -> None:
    (run / EVALUATION / "config.json").unlink()  # not finished: not there
    (run / "checkpoint.pt").write_bytes(b"")  # only --resume wants it
    assert say("model", "describe", "./run").code == 0
    assert say("report", "run").code == 0
    assert say("explain", "run", "--method", "occlusion(patch=7)").code == 0
    assert say("attack", "run", "--attack", "fgsm", "--threat", "linf(0.1)", "--images", "12").code == 0
    assert Run(run).names("evaluations")[-1] == ATTACKED

"""The readers of run folders, models and weights, as functions of bytes."""

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import safetensors.numpy
from markupsafe import Markup

from assay.cli.options import load_run
from assay.models import weights
from assay.report.html import environment
from assay.report.page import page
from assay.run_folder import Run, file_hash, open_run
from assay.train.checkpoints import load as load_checkpoint
from tests.fuzz.pieces import NASTY, Choices, allowed


def files(run: Path) -> list[str]:
    return sorted(str(file.relative_to(run)) for file in run.rglob("*") if file.is_file() and file.suffix != ".pt")


compiled = cache(environment.from_string)
FIGURES = ("calibration", "class_images", "corruptions", "per_class", "quality", "twins")
DRAWING = ("curve", "damage", "smallest", "training")
DRAWN = [f"assay.report.{module}._figure" for module in FIGURES] + [f"assay.report.{module}.svg" for module in DRAWING]


def _look(path: Path, whole: bool) -> None:
    """All that reads a run: every file, and the page; its drawings, which take long, only now and then."""
    run = open_run(path)
    for kind, inner in (("evaluations", run.evaluation), ("explanations", run.explanation)):
        for name in run.names(kind):
            folder = inner(name)
            for file in folder.wanted:
                if folder.has(file):
                    folder.read_arrays(file) if file.endswith(".safetensors") else folder.read_json(file)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(environment, "from_string", compiled))  # each template once
        for figure in () if whole else DRAWN:
            stack.enter_context(mock.patch(figure, return_value=Markup()))
        page([run]).encode()


@contextlib.contextmanager
def _spoilt(file: Path, content: bytes) -> Iterator[None]:
    before = file.read_bytes()
    try:
        file.write_bytes(content)
        with allowed():
            yield
    finally:
        file.write_bytes(before)


def run_bytes(data: bytes, place: Path) -> None:
    """Any bytes in any file of a run."""
    choices = Choices(data)
    file = place / "run" / choices.one(files(place / "run"))
    with _spoilt(file, choices.data):
        _look(place / "run", False)


def _paths(content: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*above, key)
        yield from _paths(value, (*above, key))


def _patched(content: Any, choices: Choices) -> Any:
    """JSON with some of its values replaced, taken away, or doubled."""
    for _ in range(1 + choices.number(3)):
        if not (paths := list(_paths(content))):
            break
        *above, key = choices.one(paths)
        inner = content
        for step in above:
            inner = inner[step]
        match choices.number(5):
            case 0 | 1 | 2:
                inner[key] = deepcopy(choices.one(NASTY))
            case 3:
                del inner[key]
            case 4 if isinstance(inner, list):
                inner.append(deepcopy(inner[key]))
            case 4:
                inner[choices.one(["more", "", "attacks", "index"])] = deepcopy(inner[key])
    return content


def run_json(data: bytes, place: Path) -> None:
    """JSON of the right syntax with wrong values."""
    choices = Choices(data)
    names = [name for name in files(place / "run") if name.endswith((".json", ".jsonl"))]
    file = place / "run" / choices.one(names)
    text = file.read_text("utf-8")
    content = [json.loads(line) for line in text.splitlines()] if file.suffix == ".jsonl" else json.loads(text)
    content = _patched(content, choices)
    lines = content if file.suffix == ".jsonl" else [content]
    with _spoilt(file, "".join(json.dumps(line) + "\n" for line in lines).encode()):
        _look(place / "run", choices.number(50) == 0)


def _array(choices: Choices, array: np.ndarray) -> Any:
    match choices.number(7):
        case 0:
            with np.errstate(all="ignore"):
                return array.astype(choices.one(["float16", "float64", "int8", "uint8", "int64", "bool"]))
        case 1:
            return array[: choices.number(3)]
        case 2:
            return array.reshape(-1)
        case 3:
            return np.concatenate([array, array])
        case 4:
            return np.full_like(array, choices.one([0, 1, 100]) if array.dtype.kind != "f" else np.nan)
        case 5:
            return array[None]
    return None


def run_arrays(data: bytes, place: Path) -> None:
    """Arrays and tables of other kinds, sizes and values."""
    choices = Choices(data)
    names = [name for name in files(place / "run") if name.endswith((".safetensors", ".parquet"))]
    file = place / "run" / choices.one(names)
    folder, table = Run(file.parent), file.suffix == ".parquet"
    arrays = folder.read_table(file.name) if table else safetensors.numpy.load_file(file)
    for _ in range(1 + choices.number(2)):
        key = choices.one(sorted(arrays))
        if table:
            new = choices.one([0, -1, 10, 0.5, "a", None, True, [1], b"x", 2**62, float("nan"), "robust"])
            column = [new] * len(arrays[key]) if choices.number(2) else [*arrays[key][:-1].tolist(), new]
            with contextlib.suppress(Exception):
                arrays[key] = pa.array(column)
        elif (new := _array(choices, arrays[key])) is not None:
            arrays[key] = new
        if choices.number(5) == 0 and len(arrays) > 1:
            arrays.pop(key)
    before = file.read_bytes()
    try:
        with contextlib.suppress(Exception):  # columns of several lengths cannot be written
            folder.write_table(file.name, arrays) if table else folder.write_arrays(file.name, arrays)
        with allowed():
            _look(place / "run", False)
    finally:
        file.write_bytes(before)


def model(data: bytes, place: Path) -> None:
    """A model.json with wrong values, or weights of any bytes with the right hash."""
    choices, path = Choices(data), place / "run"
    if choices.number(2):
        content = _patched(json.loads((path / "model.json").read_text()), choices)
        with _spoilt(path / "model.json", json.dumps(content).encode()):
            load_run(path)
    else:
        with _spoilt(path / "model.safetensors", choices.data):
            content = json.loads((path / "model.json").read_text())
            content["weights"] = file_hash(path / "model.safetensors")
            with _spoilt(path / "model.json", json.dumps(content).encode()):
                load_run(path)


def weights_file(data: bytes, place: Path) -> None:
    form, content = data[:1], data[1:]
    file = place / ("x.safetensors" if form == b"\0" else "x.pt")
    if form == b"\2":  # the pickle in a torch file
        with zipfile.ZipFile(file, "w") as zipped:
            for name, part in (
                ("data.pkl", content),
                ("version", b"3\n"),
                ("data/0", bytes(24)),
                ("byteorder", b"little"),
            ):
                zipped.writestr(f"x/{name}", part)
    else:
        file.write_bytes(content)
    with allowed():
        assert isinstance(weights.read(file), dict)


def checkpoint(data: bytes, place: Path) -> None:
    content = data[1:]
    file = place / "checkpoint.pt"
    file.write_bytes(content + hashlib.sha256(content).digest() if data[:1] != b"\0" else content)
    with allowed():
        load_checkpoint(file)

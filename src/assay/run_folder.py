"""What a run writes and a report reads: the one contract between work and show. No torch in here.

    RUN/config.json env.json metrics.jsonl model.json model.safetensors checkpoint.pt panels/data.*
    RUN/evaluations/NAME/  config.json env.json results.json costs.json images.parquet adversarial.safetensors
                           gallery.* frames.* strip.* predictions.* checks.json
    RUN/shards/…/          what is done of an evaluation that is not finished
    RUN/corruptions/NAME/  (corrupted_folder.py)
    RUN/explanations/NAME/ config.json, and maps, filters, activations or class_images.safetensors; of maps quality.*

Each file is written whole or not at all, and nothing is overwritten unless that is asked for. Whoever reads
a file gets what it must hold (contents.py), or a ValueError that names it.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from assay import contents, soundness
from assay.files import made, parsed, reason, whole

SCHEMA = 2
LONGEST_NAME = 100
OF_PRINT = 6  # digits of a fingerprint in a name: two data sets of one name do not replace each other
Arrays = Mapping[str, np.ndarray]
Some = TypeVar("Some", bound="Folder")


@dataclass(frozen=True)
class Folder:
    """A folder whose files are JSON, JSON lines, tables and arrays. Reading raises ValueError that names the file.

    A draft is written beside its place; it moves there, as a whole, with its last file: config.json.
    """

    path: Path
    draft: bool = False
    wanted: ClassVar[Mapping[str, Any]] = {}  # of each file (see contents)

    def __truediv__(self, name: str) -> "Folder":
        return Folder(self.path / name)

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def names(self, kind: str) -> list[str]:
        """The folders in a sub-folder that are complete, oldest first, as they say themselves: a copy says the same."""
        complete = [file.parent for file in (self.path / kind).glob("[!.]*/config.json")]
        return [name for _, name in sorted((made(folder / "env.json"), folder.name) for folder in complete)]

    def write_json(self, name: str, content: Any) -> None:
        self._write_text(name, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        return self._read(name, lambda path: parsed(path.read_text("utf-8")))

    def write_lines(self, name: str, lines: list[dict[str, Any]]) -> None:
        self._write_text(name, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))

    def read_lines(self, name: str) -> list[dict[str, Any]]:
        return self._read(name, lambda path: [parsed(line) for line in path.read_text("utf-8").splitlines()])

    def write_table(self, name: str, columns: Arrays) -> None:
        table = pa.table({key: pa.array(column) for key, column in columns.items()})
        with self._place(name) as part:
            pq.write_table(table, part, write_page_checksum=True)

    def read_table(self, name: str) -> dict[str, np.ndarray]:
        def read(path: Path) -> dict[str, np.ndarray]:
            table = pq.ParquetFile(path, page_checksum_verification=True).read()
            return {key: table[key].to_numpy(zero_copy_only=False) for key in table.column_names}

        return self._read(name, read)

    def write_arrays(self, name: str, arrays: Arrays) -> None:
        whole_arrays = {key: np.asarray(array, order="C") for key, array in arrays.items()}  # a number stays one
        with self._place(name) as part:
            part.write_bytes(safetensors.numpy.save(whole_arrays))

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        return self._read(name, safetensors.numpy.load_file)

    def _write_text(self, name: str, text: str) -> None:
        with self._place(name) as part:
            part.write_text(text, encoding="utf-8")

    @contextmanager
    def _place(self, name: str) -> Iterator[Path]:
        if not self.draft:
            with whole(self.path / name) as part:
                yield part
            return
        beside = _beside(self.path)
        try:
            with whole(beside / name) as part:
                yield part
            if name == "config.json":
                _move(beside, self.path)
        except BaseException as error:
            shutil.rmtree(beside, ignore_errors=True)
            if isinstance(error, OSError):
                error.filename = str(self.path / name)
            raise

    def _read(self, name: str, read: Any) -> Any:
        path = self.path / name
        if not path.is_file():
            raise ValueError(f"{self.path} is damaged or not finished: {name} is missing")
        path.open("rb").close()  # a file that may not be read is not damaged: OSError
        try:
            content = read(path)
        except Exception as error:  # each format raises its own
            raise ValueError(f"{path} is damaged: {reason(error)}") from error
        if name in self.wanted:
            contents.verify(path, content, self.wanted[name])
        if wrong := self._wrong(name, content):
            raise ValueError(f"{path} is damaged: {wrong}")
        return content

    def _wrong(self, name: str, content: Any) -> str:  # noqa: ARG002
        """What is wrong with a content of the right form; "" if nothing is."""
        return ""


class Evaluation(Folder):
    """The folder of one evaluation."""

    wanted: ClassVar[Mapping[str, Any]] = contents.EVALUATION

    def _wrong(self, name: str, content: Any) -> str:
        config = content if name == "config.json" else self.read_json("config.json")
        beside, key = contents.BESIDE.get(name, ("", ""))
        pictures = len(self.read_json(beside)[key]) if beside else 0
        return soundness.wrong_in_evaluation(name, content, config, pictures)


class Explanation(Folder):
    """The folder of one explanation."""

    wanted: ClassVar[Mapping[str, Any]] = contents.EXPLANATION

    def _wrong(self, name: str, content: Any) -> str:
        config = content if name == "config.json" else self.read_json("config.json")
        return soundness.wrong_in_explanation(name, content, config)


class Run(Folder):
    """The folder of one model."""

    wanted: ClassVar[Mapping[str, Any]] = contents.RUN

    def _wrong(self, name: str, content: Any) -> str:
        return soundness.wrong_in_run(name, content)

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def stopped(self) -> bool:
        """Whether it is a training that has not come to its end."""
        return self.has("config.json") and self.has("checkpoint.pt") and not self.has("model.json")

    def evaluation(self, name: str) -> Evaluation:
        return Evaluation(self.path / "evaluations" / name)

    def explanation(self, name: str) -> Explanation:
        return Explanation(self.path / "explanations" / name)

    def sweep(self) -> None:
        """Take away what a killed process left half-written."""
        for part in self.path.glob(".*.part"):
            part.unlink()

    def write_model(self, description: Mapping[str, Any], weights: Arrays) -> None:
        self.write_arrays("model.safetensors", weights)
        self.write_json("model.json", {**description, "weights": file_hash(self.path / "model.safetensors")})

    def read_model(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What `write_model` was given, and the hash of the weights; ValueError if they are not the same weights."""
        if self.stopped:
            raise ValueError(
                f"{self.path} was stopped in training, or is damaged: model.json is missing; --resume goes on"
            )
        description = self.read_json("model.json")
        if len(description["shape"]) != 3 or min(description["shape"]) < 1:
            raise ValueError(
                f"{self.path / 'model.json'} is damaged: shape is {description['shape']}, [C, H, W] wanted"
            )
        weights = self.read_arrays("model.safetensors")
        if (got := file_hash(self.path / "model.safetensors")) != description["weights"]:
            raise ValueError(
                f"{self.path / 'model.safetensors'} has hash {got}, model.json says {description['weights']}"
            )
        return description, weights


def create(path: Path, force: bool = False) -> Run:
    """An empty run folder. ValueError if something is there; `force` takes away a run, but never anything else."""
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file, a folder wanted")
    if path.is_dir() and any(entry.suffix != ".part" for entry in path.iterdir()):
        if not force:
            stopped = "holds a training that was stopped: --resume goes on, --force begins again"
            there = "exists: take another --out, or --force to replace it"
            raise ValueError(f"{path} {stopped if Run(path).stopped else there}")
        if foreign := _foreign(path):
            raise ValueError(f"{path} holds {foreign}: --force replaces runs only, take another --out")
        for entry in path.iterdir():  # not the folder itself, which may be a link or where we stand
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    path.mkdir(parents=True, exist_ok=True)
    return Run(path)


def _foreign(path: Path) -> str:
    """What forbids to take the folder away; "" if it is a run and holds nothing else."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        config = None
    if not isinstance(config, dict) or "schema" not in config:
        return "something that is no run"
    known = {*Run.wanted, "model.safetensors", "checkpoint.pt", "evaluations", "explanations", "corruptions", "panels"}
    known |= {"shards", "tb"}
    others = (entry.name for entry in path.iterdir() if entry.name not in known and entry.suffix != ".part")
    return next((f"{name!r}, which is no part of a run" for name in sorted(others)), "")


def open_run(path: Path | str) -> Run:
    """The run in a folder; ValueError if it is none."""
    path = Path(path)
    if path.is_file():
        raise ValueError(f"{path} is a file, a run folder wanted")
    if not path.is_dir():
        raise ValueError(f"there is no run {str(path)!r}")
    run = Run(path)
    if not run.has("config.json"):
        raise ValueError(f"{path} is no run folder: it has no config.json")
    if (schema := run.read_json("config.json")["schema"]) != SCHEMA:
        raise ValueError(f"{path / 'config.json'} has schema {schema}, this version of assay reads {SCHEMA}")
    return run


def fresh(folder: Some, force: bool) -> Some:
    """The draft of a sub-folder; ValueError if it is finished already, unless forced.

    What is there stays until the draft takes its place.
    """
    if folder.has("config.json") and not force:
        raise ValueError(f"{folder.path} exists: --force makes it again")
    place = next(parent for parent in folder.path.resolve().parents if parent.exists())
    if not os.access(place, os.W_OK):  # better known before the work
        raise ValueError(f"{place} cannot be written to")
    shutil.rmtree(_beside(folder.path), ignore_errors=True)  # of a process that was killed
    return replace(folder, draft=True)


def safe_name(*parts: object) -> str:
    """A file name made of the parts; a hash stands for what would be too long."""
    text = "-".join(re.sub(r"[^A-Za-z0-9._=]+", "-", str(part)).strip("-") for part in parts)
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME - 9]}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"


def file_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def code_hash(architecture: str) -> str | None:
    """That of the user's file which builds FILE.py:FUNCTION; None if it is gone, or the network one of this house."""
    file = Path(architecture.rpartition(":")[0])
    return file_hash(file) if file.suffix == ".py" and file.is_file() else None


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.part")


def _move(new: Path, place: Path) -> None:
    old = new.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)

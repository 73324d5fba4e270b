"""What a run writes and a report reads: the one contract between work and show. No torch in here.

    RUN/config.json env.json metrics.jsonl model.json model.safetensors checkpoint.pt
    RUN/evaluations/NAME/  config.json results.json costs.json images.parquet adversarial.safetensors gallery.*
    RUN/explanations/NAME/ config.json maps.safetensors

Each file is written whole or not at all, and nothing is overwritten unless that is asked for.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy

from assay.files import whole

SCHEMA = 1
LONGEST_NAME = 100
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Folder:
    """A folder whose files are JSON, JSON lines, tables and arrays. Reading raises ValueError that names the file."""

    path: Path

    def __truediv__(self, name: str) -> "Folder":
        return Folder(self.path / name)

    def has(self, name: str) -> bool:
        return (self.path / name).exists()

    def names(self, kind: str) -> list[str]:
        """The folders in a sub-folder that are complete, oldest first."""
        found = [entry.parent for entry in (self.path / kind).glob("*/config.json")]
        return [entry.name for entry in sorted(found, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))]

    def write_json(self, name: str, content: Any) -> None:
        self._write_text(name, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        return self._read(name, lambda path: json.loads(path.read_text(encoding="utf-8")))

    def write_lines(self, name: str, lines: list[dict[str, Any]]) -> None:
        self._write_text(name, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))

    def read_lines(self, name: str) -> list[dict[str, Any]]:
        return self._read(name, lambda path: [json.loads(line) for line in path.read_text("utf-8").splitlines()])

    def write_table(self, name: str, columns: Arrays) -> None:
        with whole(self.path / name) as part:
            pq.write_table(pa.table({key: pa.array(column) for key, column in columns.items()}), part)

    def read_table(self, name: str) -> dict[str, np.ndarray]:
        def read(path: Path) -> dict[str, np.ndarray]:
            table = pq.ParquetFile(path).read()
            return {key: table[key].to_numpy(zero_copy_only=False) for key in table.column_names}

        return self._read(name, read)

    def write_arrays(self, name: str, arrays: Arrays) -> None:
        with whole(self.path / name) as part:
            part.write_bytes(
                safetensors.numpy.save({key: np.ascontiguousarray(array) for key, array in arrays.items()})
            )

    def read_arrays(self, name: str) -> dict[str, np.ndarray]:
        return self._read(name, safetensors.numpy.load_file)

    def _write_text(self, name: str, text: str) -> None:
        with whole(self.path / name) as part:
            part.write_text(text, encoding="utf-8")

    def _read(self, name: str, read: Any) -> Any:
        path = self.path / name
        if not path.is_file():
            raise ValueError(f"{self.path} is damaged or not finished: {name} is missing")
        try:
            return read(path)
        except Exception as error:  # each format raises its own
            raise ValueError(f"{path} is damaged: {str(error).splitlines()[0][:200]}") from error


class Run(Folder):
    """The folder of one model."""

    @property
    def name(self) -> str:
        return self.path.resolve().name

    def evaluation(self, name: str) -> Folder:
        return self / "evaluations" / name

    def explanation(self, name: str) -> Folder:
        return self / "explanations" / name

    def write_model(self, description: Mapping[str, Any], weights: Arrays) -> None:
        self.write_arrays("model.safetensors", weights)
        self.write_json("model.json", {**description, "weights": file_hash(self.path / "model.safetensors")})

    def read_model(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """What `write_model` was given, and the hash of the weights; ValueError if they are not the same weights."""
        description = self.read_json("model.json")
        missing = {"architecture", "shape", "classes", "mean", "std", "weights"} - set(description)
        if missing:
            raise ValueError(f"{self.path / 'model.json'} is damaged: {', '.join(sorted(missing))} is missing")
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
    if path.is_dir() and any(path.iterdir()):
        if not force:
            raise ValueError(f"{path} exists: take another --out, or --force to replace it")
        if not (path / "config.json").is_file():
            raise ValueError(f"{path} holds something that is no run: --force replaces runs only")
        shutil.rmtree(path)
    path.mkdir(parents=True, exist_ok=True)
    return Run(path)


def open_run(path: Path) -> Run:
    """The run in a folder; ValueError if it is none."""
    if not path.is_dir():
        raise ValueError(f"there is no run {str(path)!r}")
    run = Run(path)
    config = run.read_json("config.json")
    if not isinstance(config, dict) or config.get("schema") != SCHEMA:
        raise ValueError(f"{path / 'config.json'} is damaged, or of another version: schema {SCHEMA} wanted")
    return run


def fresh(folder: Folder, force: bool) -> Folder:
    """A sub-folder to write to; ValueError if it is finished already, unless forced."""
    if folder.path.exists():
        if folder.has("config.json") and not force:
            raise ValueError(f"{folder.path} exists: --force makes it again")
        shutil.rmtree(folder.path)
    return folder


def safe_name(*parts: object) -> str:
    """A file name made of the parts; a hash stands for what would be too long."""
    text = "-".join(re.sub(r"[^A-Za-z0-9._=]+", "-", str(part)).strip("-") for part in parts)
    if len(text) <= LONGEST_NAME:
        return text
    return f"{text[: LONGEST_NAME - 9]}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:8]}"


def file_hash(path: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]

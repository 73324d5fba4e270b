"""Your own Parquet file of encoded images and labels, or a folder of them, as the hub's data sets have them."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from assay.data.decoded import Source, Wish, decoded
from assay.data.folder import PARTS
from assay.data.images import ImageSet
from assay.files import printable, reason

IMAGES = ("image", "img", "picture")
LABELS = ("label", "labels", "fine_label", "class", "target", "category")
ROWS = 256  # read at a time
HEADER = 1 << 24  # bytes and entries that a file's own description may take


@dataclass(frozen=True)
class Columns:
    """Where the images and the labels are, and what the labels are called, if the file says so."""

    image: str
    label: str
    numbered: bool  # whether labels are numbers, not text
    classes: tuple[str, ...] | None


def parquet(split: str, path: Path, wish: Wish) -> ImageSet:
    """Files whose names, or whose folders' names, begin with train, test or validation are those splits; other files
    are all to train on, and a split that is missing is held out, a tenth.

    An image column holds bytes, or {bytes, path}; a label column holds class numbers or names. Raises ValueError for a
    file of another form.
    """
    if not path.exists():
        raise ValueError(f"parquet:{path} is not there")
    files = sorted(path.glob("**/*.parquet")) if path.is_dir() else [path]
    if not files:
        raise ValueError(f"parquet:{path} holds no .parquet file")
    name = printable(path.stem) or "parquet"
    return decoded(name, files, lambda: source_of(name, _parts(path, files)), split, wish)


def source_of(name: str, parts: dict[str, list[Path]], held_out: int | None = None) -> Source:
    """The source that the files of each part make together."""
    files = [file for part in parts.values() for file in part]
    columns = [_columns(file) for file in files]
    if any(one != columns[0] for one in columns):
        raise ValueError(f"{name}: the files {files[0].name} and others do not have the same columns and classes")
    values = {part: [value for file in found for value in _labels(file, columns[0])] for part, found in parts.items()}
    classes, labels = _numbered(name, values, columns[0].classes)
    return Source(
        name=name,
        classes=classes,
        labels=labels,
        pictures=lambda part: (one for file in parts[part] for one in _pictures(file, columns[0].image)),
        held_out=held_out,
    )


def _parts(path: Path, files: Sequence[Path]) -> dict[str, list[Path]]:
    parts: dict[str, list[Path]] = {}
    for file in files:
        names = [file.stem, *(above.name for above in file.relative_to(path).parents)] if file != path else []
        first = (name.replace("_", "-").split("-")[0].lower() for name in names)
        parts.setdefault(next((PARTS[word] for word in first if word in PARTS), "train"), []).append(file)
    if "train" not in parts and len(parts) == 1:  # one file, called test.parquet
        return {"train": list(files)}
    if "train" not in parts:
        raise ValueError(f"parquet:{path} has files for {' and '.join(sorted(parts))}, but none to train on")
    for part, found in parts.items():
        if len(parts) > 1 and len(above := sorted({file.parent for file in found})) > 1:
            raise ValueError(f"parquet:{path} has {part} files in {above[0].name}/ and {above[1].name}/: take one")
    return parts


@contextmanager
def _opened(file: Path) -> Iterator[pq.ParquetFile]:
    """The file; whatever goes wrong while it is open is a ValueError that names it."""
    if not file.is_file():  # from a pipe one would wait for ever
        raise ValueError(f"{file} is no file")
    try:
        with pq.ParquetFile(file, thrift_string_size_limit=HEADER, thrift_container_size_limit=HEADER) as opened:
            if opened.metadata.num_rows > (size := file.stat().st_size):  # each row is an image
                raise ValueError(f"it says that it holds {opened.metadata.num_rows} rows, in {size} bytes")
            yield opened
    except Exception as error:  # Arrow raises many kinds
        raise ValueError(f"{file} is no Parquet file, or damaged: {reason(error)}") from error


def _columns(file: Path) -> Columns:
    with _opened(file) as opened:
        schema = opened.schema_arrow
        types = {field.name: field.type for field in schema}
    images = [name for name, kind in types.items() if _holds_bytes(kind)]
    labels = [name for name, kind in types.items() if _names_classes(kind)]
    if not images or not labels:
        had = ", ".join(f"{name}: {kind}" for name, kind in types.items()) or "none"
        raise ValueError(f"{file} wants a column of images (bytes) and one of labels (numbers or text), it has {had}")
    image = next((name for name in IMAGES if name in images), images[0])
    label = next((name for name in LABELS if name in labels), labels[0])
    if label not in LABELS and len(labels) > 1:
        raise ValueError(f"{file}: which of {', '.join(labels)} is the label? Call it {LABELS[0]}")
    return Columns(image, label, pa.types.is_integer(types[label]), _class_names(schema, label))


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _names_classes(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _class_names(schema: pa.Schema, label: str) -> tuple[str, ...] | None:
    """What the hub writes into the schema's metadata; None where it has not, or not in that form."""
    try:
        about = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][label]
        names = about["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def _rows(file: Path, column: str) -> Iterator[Any]:
    with _opened(file) as opened:
        read, wanted = 0, opened.metadata.num_rows
        for batch in opened.iter_batches(ROWS, columns=[column]):
            read += len(batch)
            if read > wanted:
                break
            yield from batch.column(0).to_pylist()
        if read != wanted:  # Arrow does not mind
            raise ValueError(f"{column} has {read} rows, {wanted} wanted")


def _labels(file: Path, columns: Columns) -> list[Any]:
    found = list(_rows(file, columns.label))
    if None in found:
        raise ValueError(f"{file} row {found.index(None)}: {columns.label} is missing")
    return found


def _numbered(
    name: str, values: dict[str, list[Any]], names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, Tensor]]:
    """Classes and labels; text is numbered in alphabetical order, and numbers without names are their own names."""
    every = {value for part in values.values() for value in part}
    if not every:
        raise ValueError(f"{name} holds no rows")
    if any(isinstance(value, str) for value in every):
        classes = names or tuple(sorted(every))
        if strange := sorted(every - set(classes)):
            raise ValueError(f"{name}: there is no class {strange[0]!r}; there are {', '.join(classes)[:200]}")
        place = {text: number for number, text in enumerate(classes)}
        values = {part: [place[value] for value in found] for part, found in values.items()}
    else:
        if not 0 <= min(every) <= max(every) < (1 << 20):
            raise ValueError(f"{name}: labels run from {min(every)} to {max(every)}, which are no classes")
        classes = names or tuple(map(str, range(max(every) + 1)))
    return classes, {part: torch.tensor(found, dtype=torch.int64) for part, found in values.items()}


def _pictures(file: Path, column: str) -> Iterator[tuple[str, bytes]]:
    for row, value in enumerate(_rows(file, column)):
        encoded, path = (value.get("bytes"), value.get("path")) if isinstance(value, dict) else (value, None)
        yield f"{file} row {row}{f' ({path})' if path else ''}", encoded or b""

"""What CIFAR-10 and CIFAR-100 share: a binary archive of records, labels first, then 32×32 pixels a channel."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from assay.data.decoded import Source, Wish, decoded
from assay.data.download import download, find, folders
from assay.data.images import ImageSet
from assay.data.parquet import source_of
from assay.files import reason

MIRRORS = ("https://www.cs.toronto.edu/~kriz",)
SHAPE, PIXELS = (3, 32, 32), 3072
IN_ALL = {"train": 50_000, "test": 10_000}
HELD_OUT = 10_000
MOST_NAMES = 1 << 16  # bytes of class names
MOST_MEMBERS = 100  # of an archive; the published ones have less than ten
MOST_BYTES = 200_000_000  # unpacked; the published ones have 185 million


@dataclass(frozen=True)
class Archive:
    """A published archive: its hash, the files in it, how many labels lead a record (the last one counts)."""

    file: str
    md5: str
    folder: str
    parts: dict[str, tuple[str, ...]]
    labels: int
    names: str

    @property
    def wanted(self) -> tuple[str, ...]:
        """Every file that counts."""
        return self.names, *(file for files in self.parts.values() for file in files)


def cifar(name: str, archive: Archive, split: str) -> ImageSet:
    """A split, from the archive, the folder that it unpacks to, or Parquet files called train… and test…."""
    wish = Wish(3, SHAPE[1:])
    for place in folders(name):
        parts = {part: sorted(place.glob(f"{part}*.parquet")) for part in IN_ALL}
        if all(parts.values()):
            files = [file for part in parts.values() for file in part]
            return decoded(name, files, partial(_of_parquet, name, parts), split, wish)
    packed = find(name, archive.file) or find(name, f"{archive.folder}/{archive.names}")
    if packed is None:
        download(name, {archive.file: archive.md5}, MIRRORS)
        packed = find(name, archive.file)
        assert packed is not None
    files = [packed] if packed.name != archive.names else _beside(packed.parent, archive)
    return decoded(name, files, partial(_of_archive, name, archive, packed), split, wish)


def _beside(folder: Path, archive: Archive) -> list[Path]:
    if missing := [file for file in archive.wanted if not (folder / file).is_file()]:
        raise ValueError(f"{folder} lacks {missing[0]}")
    return [folder / file for file in archive.wanted]


def _of_parquet(name: str, parts: dict[str, list[Path]]) -> Source:
    source = source_of(name, parts, HELD_OUT)
    for part, wanted in IN_ALL.items():
        if (got := len(source.labels[part])) != wanted:
            raise ValueError(f"{source.name} holds {got} {part} images, {wanted} wanted")
    return source


def _of_archive(name: str, archive: Archive, packed: Path) -> Source:
    if packed.name != archive.names:
        contents = _packed(packed, archive)
    else:
        contents = {file.name: _unpacked(file) for file in _beside(packed.parent, archive)}
    classes = tuple(contents[archive.names].decode("utf-8", "replace").split())
    records = {
        part: np.concatenate(
            [_records(packed, file, contents[file], archive, IN_ALL[part] // len(files)) for file in files]
        )
        for part, files in archive.parts.items()
    }

    def pictures(part: str) -> Iterator[tuple[str, np.ndarray]]:
        for row, record in enumerate(records[part]):
            yield f"{packed} {part} {row}", record[archive.labels :].reshape(SHAPE)

    labels = {part: torch.from_numpy(found[:, archive.labels - 1].astype(np.int64)) for part, found in records.items()}
    return Source(name, classes, labels, pictures, HELD_OUT)


def _records(packed: Path, file: str, content: bytes, archive: Archive, n: int) -> np.ndarray:
    size = archive.labels + PIXELS
    if len(content) != n * size:
        raise ValueError(f"{packed}: {file} has {len(content)} bytes, {n} records of {size} wanted")
    return np.frombuffer(content, np.uint8).reshape(n, size)


def _most(file: str) -> int:
    """The bytes that a file may have and still be the published one: no header can ask for more memory."""
    return MOST_NAMES if file.endswith(".txt") else IN_ALL["train"] * (PIXELS + 2)


def _unpacked(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(_most(file.name) + 1)


class Stream:
    """What a file holds, and no more than an archive may have: some headers are read whole, at any size."""

    def __init__(self, file: io.BufferedIOBase) -> None:
        self.file, self.left = file, MOST_BYTES

    def read(self, size: int) -> bytes:
        """At most so many bytes; ValueError where the archive would be too large."""
        found = self.file.read(size)
        self.left -= len(found)
        if self.left < 0:
            raise ValueError(f"it is larger than {MOST_BYTES} bytes")
        return found


def _packed(path: Path, archive: Archive) -> dict[str, bytes]:
    contents: dict[str, bytes] = {}
    wanted = archive.wanted
    try:
        opened: Any = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rb") as packed, tarfile.open(fileobj=cast(Any, Stream(packed)), mode="r|") as tar:
            for count, member in enumerate(tar):
                file = member.name.removeprefix(f"{archive.folder}/")
                if count > MOST_MEMBERS or member.size > _most("data"):
                    raise ValueError(f"{member.name} is no part of it")
                stream = tar.extractfile(member) if member.isfile() and file in wanted else None
                if stream:
                    contents[file] = stream.read(_most(file) + 1)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path} is no {archive.file}, or damaged: {reason(error)}") from error
    if missing := [file for file in wanted if file not in contents]:
        raise ValueError(f"{path} is no {archive.file}: it lacks {missing[0]}")
    return contents

"""Where decoded images are kept: signed files in a folder of the cache, which one process at a time may fill."""

import fcntl
import hashlib
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from assay.download import cache

FORMAT = 1  # of the files there; another number makes them again


def place_of(name: str, *key: object) -> Path:
    """The place of what the key describes, under a name that tells a person what it is."""
    digest = hashlib.sha256(repr((FORMAT, *key)).encode()).hexdigest()[:16]
    return cache() / "decoded" / f"{re.sub('[^A-Za-z0-9]+', '-', name)[:40]}-{digest}"


@contextmanager
def alone(place: Path, name: str) -> Iterator[None]:
    """Of several processes that want the same images one decodes them, and the others wait."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{place.name}.lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tqdm.write(f"assay: another process is decoding {name}: waiting for it", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def signed(content: Any, beside: Sequence[Path] = ()) -> str:
    """A hash of the content, and of files beside it, then the content as JSON."""
    text = json.dumps(content)
    digest = hashlib.sha256(text.encode())
    for file in beside:
        digest.update(file.read_bytes())
    return f"{digest.hexdigest()}\n{text}"


def read_signed(file: Path, beside: Sequence[Path] = ()) -> Any:
    """What has been signed; None if it, or a file beside it, is not there, or damaged."""
    try:
        text = file.read_text("utf-8")
        content = json.loads(text.partition("\n")[2])
        return content if text == signed(content, beside) else None
    except (FileNotFoundError, ValueError, RecursionError):
        return None


def stamp_of(files: Sequence[Path]) -> str:
    """A hash of the files' names, sizes and times of change: another one when they are others."""
    digest = hashlib.sha256()
    for file in files:
        try:
            state = os.stat(file)
        except OSError:  # a link to nowhere: an image that cannot be read
            state = os.lstat(file)
        about = f"{os.path.abspath(file)}\0{state.st_size}\0{state.st_mtime_ns}\0{state.st_ctime_ns}\0"
        digest.update(about.encode(errors="surrogateescape"))
    return digest.hexdigest()

"""The state of a training run after an epoch, whole on disk or not there; no pickled code."""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from assay.files import reason, whole

HASH = 32  # bytes


@dataclass(frozen=True)
class Checkpoint:
    """epoch counts those that are done; history is a line of metrics for each of them."""

    epoch: int
    net: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    history: list[dict[str, Any]]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write it beside its place, then move it there: kill -9 leaves the last whole one.

    Its hash stands at its end: torch reads a file whose weights have changed without a word.
    """
    buffer = io.BytesIO()  # a full disk then is an OSError, which torch.save hides
    torch.save(vars(checkpoint), buffer)
    with whole(path) as part:
        part.write_bytes(buffer.getvalue() + hashlib.sha256(buffer.getbuffer()).digest())


def load(path: Path) -> Checkpoint:
    """Read it back; ValueError, naming the file, if it is none."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[:-HASH]).digest() != content[-HASH:]:
            raise ValueError("it is not what was written")
        found = Checkpoint(**torch.load(io.BytesIO(content[:-HASH]), map_location="cpu", weights_only=True))
        if len(found.history) != found.epoch:
            raise ValueError(f"{found.epoch} epochs, but {len(found.history)} lines of metrics")
    except Exception as error:
        raise ValueError(f"{path} is damaged: {reason(error)}; without it --resume begins again") from error
    return found

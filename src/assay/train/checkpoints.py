"""The state of a training run after an epoch, whole on disk or not there; no pickled code."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from assay.files import reason, whole


@dataclass(frozen=True)
class Checkpoint:
    """epoch counts those that are done; history is a line of metrics for each of them."""

    epoch: int
    net: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    history: list[dict[str, Any]]


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write it beside its place, then move it there: kill -9 leaves the last whole one."""
    buffer = io.BytesIO()  # a full disk then is an OSError, which torch.save hides
    torch.save(vars(checkpoint), buffer)
    with whole(path) as part:
        part.write_bytes(buffer.getbuffer())


def load(path: Path) -> Checkpoint:
    """Read it back; ValueError, naming the file, if it is none."""
    try:
        found = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
        if len(found.history) != found.epoch:
            raise ValueError(f"{found.epoch} epochs, but {len(found.history)} lines of metrics")
    except Exception as error:
        raise ValueError(f"{path} is damaged: {reason(error)}; without it --resume begins again") from error
    return found

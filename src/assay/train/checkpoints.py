"""The state of a training run after an epoch, whole on disk or not there; no pickled code."""

import copy
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
    """epoch counts those that are done; history is a line of metrics for each of them.

    method is what the batches are hardened with now, undone what the sentinel took back. best are the weights of the
    best epoch so far, good the state that the sentinel would go back to; either may be None.
    """

    epoch: int
    net: dict[str, Any]
    optimizer: dict[str, Any]
    schedule: dict[str, Any]
    history: list[dict[str, Any]]
    average: dict[str, Any] | None = None
    method: str | None = None
    undone: list[dict[str, Any]] | None = None
    best: dict[str, Any] | None = None
    good: dict[str, Any] | None = None

    def final(self) -> dict[str, Any]:
        """The weights that a training which ends here leaves: of the best epoch, averaged, or the last ones."""
        if self.best:
            found: dict[str, Any] = self.best["net"]
            return found
        return {**self.net, **self.average["kept"]} if self.average else self.net

    def own(self) -> "Checkpoint":
        """A copy that no further step changes."""
        return copy.deepcopy(self)


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

"""Weights that a network starts from: where they come from, what their file may hold, and which entries fit."""

import hashlib
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from assay.download import bring, cache
from assay.files import fault

ENVELOPES = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "backbone.")  # of what others wrap a network in
OURS = "the model.safetensors beside it"
COUNTER = "num_batches_tracked"  # of batch norm; old files lack it, and nothing here reads it


@dataclass(frozen=True)
class Loaded:
    """Names: the net's entries that are from the file, those that stay as they were, the file's that are not used."""

    loaded: tuple[str, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        new = f"new: {', '.join(self.new)}" if self.new else "none is new"
        return f"{len(self.loaded)} entries loaded, {new}" + (f", left: {', '.join(self.left)}" if self.left else "")


def fetch(source: str) -> Path:
    """The file of a path, or of https://HOST/FILE#sha256=HEX, which is downloaded once and checked.

    Raises ValueError for an address without a hash, for a file with another one, which is removed, and when nothing
    answers.
    """
    if "://" not in source:
        return Path(source).expanduser()
    found = re.fullmatch(r"(https?://[!-~]+?)#sha256=([0-9a-fA-F]{64})", source)
    if not found:
        raise ValueError(
            f"weights {source[:200]!r} are neither a file nor https://HOST/FILE#sha256=…: "
            "add #sha256=… with the 64 digits of the file's hash, without which nobody knows what comes"
        )
    url, wanted = found.group(1), found.group(2).lower()
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", url.partition("?")[0].rpartition("/")[2]).lstrip(".") or "weights"
    place = cache() / "weights" / wanted[:16] / name[:100]
    if place.is_file() and (got := _hash(place)) != wanted:
        place.unlink()
        raise ValueError(f"{place} has sha256 {got}, {wanted} wanted: it was removed, and comes anew when asked again")
    if not place.is_file() and (problems := bring([url], place, wanted)):
        raise ValueError(
            f"{name} could not be downloaded ({'; '.join(problems)}): put it into {place.parent}, or give --weights a "
            "file that is here"
        )
    return place


def read(path: Path) -> dict[str, Tensor]:
    """Weights from .safetensors, or from a torch file of plain tensors, under names without what all have in front.

    No code from a pickle is ever run. Raises ValueError in one line for a file that holds anything else.
    """
    if not path.is_file():
        raise ValueError(f"there is no weights file {str(path)!r}")
    try:
        if _is_safetensors(path):
            return _bare(safetensors.torch.load_file(path))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats, which the line below tells better
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch explains at length how to be unsafe
        code = re.search(r"GLOBAL (\S+)", str(error))
        held = f"{code.group(1)}, which is code, and that is never run" if code else "no tensors"
        raise ValueError(f"{path} holds {held}: save model.state_dict(), best as safetensors") from error
    except Exception as error:  # each format raises its own
        raise ValueError(f"{path} is damaged, or holds no weights: {fault(error)}") from error
    weights = _unwrapped(path, weights)
    if not isinstance(weights, dict):
        raise ValueError(f"{path} holds {type(weights).__name__}, a dictionary of tensors wanted")
    if other := [name for name, value in weights.items() if not (isinstance(name, str) and isinstance(value, Tensor))]:
        kind = type(weights[other[0]]).__name__
        raise ValueError(f"{path} holds {kind} under {other[0]!r}, a dictionary of tensors wanted")
    if strange := [name for name, value in weights.items() if not _is_plain(value)]:
        value = weights[strange[0]]
        raise ValueError(
            f"{path} holds a tensor of {value.layout}, {value.dtype} under {strange[0]!r}, plain ones wanted"
        )
    return _bare(weights)


def renamed(net: nn.Module, found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `read` returns, under the names of a net whose own names may all have such a prefix."""
    front = _shared(net.state_dict())
    return {front + name: value for name, value in found.items()}


def load_into(net: nn.Module, found: Mapping[str, Tensor]) -> Loaded:
    """Load what `read` returns into the net: every entry, but for a head of another name or number of classes.

    Raises ValueError that lists every entry that is missing, not wanted, of another shape or not finite.
    """
    found, wanted = renamed(net, found), net.state_dict()
    new, left = _heads(net, wanted, found)
    fitting = [name for name in wanted if name in found and name not in new]
    wrong = [
        *(f"{name} is missing" for name in wanted if not (name in found or name in new or name.endswith(COUNTER))),
        *(f"{name} is not wanted" for name in found if not (name in wanted or name in left)),
        *(
            f"{name} has shape {tuple(found[name].shape)}, {tuple(wanted[name].shape)} wanted"
            for name in fitting
            if found[name].shape != wanted[name].shape
        ),
        *(f"{name} holds NaN or infinity" for name in fitting if not found[name].float().isfinite().all()),
    ]
    if wrong:
        raise ValueError(f"the weights do not fit the model: {'; '.join(wrong)}")
    net.load_state_dict({name: found[name] for name in fitting}, strict=False)
    return Loaded(tuple(fitting), new, left)


def freeze(net: nn.Module) -> tuple[str, ...]:
    """Let only the head, the last linear layer, learn; the names of what still does.

    Whoever trains calls `frozen_eval` after each `train()`. Raises ValueError for a net without a linear layer.
    """
    name, head = _head(net)
    if head is None:
        raise ValueError("the model has no linear layer: with all else frozen nothing would learn")
    net.requires_grad_(False)
    head.requires_grad_(True)
    return tuple(_under(name, (key for key, _ in net.named_parameters())))


def frozen_eval(net: nn.Module) -> None:
    """Put each batch norm whose weights are frozen into eval mode, where batches do not move its mean.

    One without weights of its own goes with a net in which anything is frozen.
    """
    if all(parameter.requires_grad for parameter in net.parameters()):
        return
    for part in net.modules():
        if isinstance(part, _BatchNorm) and not any(parameter.requires_grad for parameter in part.parameters()):
            part.eval()


def _heads(
    net: nn.Module, wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The entries of the net's head that stay new, and those of the file's head that are left over."""
    name, head = _head(net)
    if head is None:
        return (), ()
    own = _under(name, wanted)
    theirs = [key for key in own if key in found]
    if not theirs:
        return tuple(own), tuple(_stranger(head, {key: found[key] for key in found if key not in wanted}))
    fits = len(theirs) == len(own) and all(found[key].shape == wanted[key].shape for key in own)
    of_other_classes = all(found[key].shape[1:] == wanted[key].shape[1:] for key in theirs)
    return ((), ()) if fits or not of_other_classes else (tuple(own), tuple(theirs))


def _stranger(head: nn.Linear, others: Mapping[str, Tensor]) -> list[str]:
    """The entries, if they are one linear layer that could stand in the place of the head."""
    shapes = {name.rpartition(".")[2]: tuple(value.shape) for name, value in others.items()}
    owners = {name.rpartition(".")[0] for name in others}
    classes = shapes.get("weight", (0,))[0]
    allowed = ({"weight": (classes, head.in_features)}, {"weight": (classes, head.in_features), "bias": (classes,)})
    return list(others) if len(owners) == 1 and shapes in allowed else []


def _head(net: nn.Module) -> tuple[str, nn.Linear | None]:
    found = [(name, part) for name, part in net.named_modules() if isinstance(part, nn.Linear)]
    return found[-1] if found else ("", None)


def _under(name: str, keys: Iterable[str]) -> list[str]:
    return [key for key in keys if not name or key.startswith(f"{name}.")]


def _shared(names: Iterable[str]) -> str:
    """The longest row of known prefixes that all names begin with."""
    names, front = list(names), ""
    while more := next((one for one in PREFIXES if names and all(name.startswith(front + one) for name in names)), ""):
        front += more
    return front


def _bare(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    front = len(_shared(weights))
    return {name[front:]: value for name, value in weights.items()}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unwrapped(path: Path, weights: Any) -> Any:
    """What lies in the envelope that others put weights in; ValueError for a checkpoint of our own."""
    if isinstance(weights, dict) and {"net", "history", "optimizer"} <= set(weights):
        raise ValueError(
            f"{path} is the checkpoint of a training, and its run may have kept other weights: take {OURS}"
        )
    for key in ENVELOPES:
        if isinstance(weights, dict) and isinstance(weights.get(key), dict):
            weights = weights[key]
    return weights


def _is_safetensors(path: Path) -> bool:
    """By its name, or, where an address gave it none, by its beginning: a length in 8 bytes, then JSON."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _is_plain(value: Tensor) -> bool:
    """Whether it is numbers in memory, one after the other: not sparse, complex, quantised, or without content."""
    return (
        value.layout == torch.strided and value.device.type == "cpu" and not (value.is_quantized or value.is_complex())
    )

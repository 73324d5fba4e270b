"""Your own network: a function in a file of yours that returns an nn.Module, and weights in a file beside it."""

import contextlib
import re
import sys
import warnings
from pathlib import Path
from pickle import UnpicklingError

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from assay.files import fault
from assay.models.black_box import BlackBox, takes_images
from assay.user_code import from_file


def from_user(text: str, classes: int | None = None) -> nn.Module:
    """The module that FILE.py:FUNCTION returns. Runs that file. Raises ValueError if it returns anything else.

    With the number of classes, a function that takes images, or returns one that does, is a black box.
    """
    make = from_file(text, "model")
    if classes and takes_images(make):
        return BlackBox(make, text, classes)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            net = make()
    except (Exception, SystemExit) as error:
        raise ValueError(f"{text} failed: {fault(error)}") from error
    if classes and callable(net) and not isinstance(net, nn.Module):
        return BlackBox(net, text, classes)
    if not isinstance(net, nn.Module):
        raise ValueError(f"{text} must return a torch.nn.Module, got {type(net).__name__}")
    if any(map(is_lazy, (*net.parameters(), *net.buffers()))):
        raise ValueError(f"{text} has lazy layers, whose sizes nobody knows yet: give the sizes")
    return net


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights from .safetensors, or from a torch file of plain tensors: no code from a pickle is ever run."""
    if not path.is_file():
        raise ValueError(f"there is no weights file {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of formats, which the line below tells better
            weights = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch explains at length how to be unsafe
        code = re.search(r"GLOBAL (\S+)", str(error))
        held = f"{code.group(1)}, which is code, and that is never run" if code else "no tensors"
        raise ValueError(f"{path} holds {held}: save model.state_dict()") from error
    except Exception as error:  # each format raises its own
        raise ValueError(f"{path} is damaged, or holds no weights: {fault(error)}") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(weights, dict) and isinstance(weights.get(key), dict):
            weights = weights[key]
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
    return {name.removeprefix("_orig_mod.").removeprefix("module."): value for name, value in weights.items()}


def _is_plain(value: Tensor) -> bool:
    """Whether it is numbers in memory, one after the other: not sparse, complex, quantised, or without content."""
    return (
        value.layout == torch.strided and value.device.type == "cpu" and not (value.is_quantized or value.is_complex())
    )

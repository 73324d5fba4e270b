"""Your own network: a function in a file of yours that returns an nn.Module, and weights in a file beside it."""

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from assay import spec


def from_user(text: str) -> nn.Module:
    """The module that FILE.py:FUNCTION returns. Runs that file. Raises ValueError if it returns anything else."""
    net = spec.from_file(text, "model")()
    if not isinstance(net, nn.Module):
        raise ValueError(f"{text} must return a torch.nn.Module, got {type(net).__name__}")
    return net


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights from .safetensors, or from a torch file of plain tensors: no code from a pickle is ever run."""
    if not path.is_file():
        raise ValueError(f"there is no weights file {str(path)!r}")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} holds no weights that can be read safely: {str(error).splitlines()[0]}") from error
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(weights, dict) and isinstance(weights.get(key), dict):
            weights = weights[key]
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"{path} holds {type(weights).__name__}, a dictionary of tensors wanted")
    return {name.removeprefix("_orig_mod.").removeprefix("module."): value for name, value in weights.items()}

"""A black box: anybody's callable that answers pixels with scores or with classes, and gives no gradients."""

import contextlib
import inspect
import sys
from collections.abc import Callable
from typing import Any, Literal, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

SMALLEST = 1e-30  # a probability below that has this one's logarithm


class BlackBox(nn.Module):
    """`ask` gets pixels in [0, 1] as a float32 NumPy array `(B, C, H, W)`. It returns scores `(B, K)`, of any scale, or
    the classes `(B,)` as integers.

    Probabilities are answered as their logarithms, classes as 1 for the class and -1 for the others. `grants` is what
    it has been seen to tell: "scores" or "labels". One call is made at a time.
    """

    def __init__(self, ask: Callable[[np.ndarray], Any], name: str, classes: int) -> None:
        super().__init__()
        self.ask, self.name, self.classes = ask, name, classes
        self.grants: Literal["scores", "labels"] = "scores"

    def forward(self, images: Float[Tensor, "B C H W"]) -> Any:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            answer = self.ask(images.detach().cpu().numpy().copy())
        found = (answer.detach() if isinstance(answer, Tensor) else torch.as_tensor(np.asarray(answer))).to(
            images.device
        )
        if found.shape == images.shape[:1] and not found.is_floating_point():
            self.grants = "labels"
            if bool(((found < 0) | (found >= self.classes)).any()):
                raise ValueError(
                    f"{self.name} returned classes {int(found.min())} to {int(found.max())}, "
                    f"0 to {self.classes - 1} wanted"
                )
            return 2.0 * nn.functional.one_hot(found.long(), self.classes) - 1
        if found.ndim != 2 or len(found) != len(images):
            raise ValueError(
                f"{self.name} must return scores ({len(images)}, {self.classes}) or {len(images)} classes as integers, "
                f"got {tuple(found.shape)} of {found.dtype}"
            )
        scores = found.float()
        if bool((scores >= 0).all()) and bool(((scores.sum(1) - 1).abs() < 1e-4).all()):
            return scores.clamp_min(SMALLEST).log()
        return scores

    def __deepcopy__(self, memo: object) -> NoReturn:
        raise TypeError(f"{self.name} is one black box: it may not be asked twice at a time")


def access_of(net: nn.Module) -> Literal["gradients", "scores", "labels"]:
    """What a network gives; of a black box what it has been seen to tell so far."""
    return net.grants if isinstance(net, BlackBox) else "gradients"


def takes_images(function: Callable[..., Any]) -> bool:
    """Whether a function cannot be called without an argument: then it is itself the black box, and builds none."""
    if isinstance(function, type):
        return False
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [
        one
        for one in parameters
        if one.default is one.empty and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    return len(needed) == 1

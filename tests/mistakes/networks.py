"""Networks as users hand them in, right and wrong: a file for `assay import FILE.py:FUNCTION`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

print("a file may print")  # noqa: T201


@dataclass
class Sizes:
    """Dataclasses look up the module they stand in."""

    inputs: int = 64
    outputs: int = 10


class Network(nn.Module):
    """A linear layer, and something done to its logits."""

    def __init__(self, then: Callable[[Tensor], Any], outputs: int = Sizes().outputs) -> None:
        super().__init__()
        self.linear = nn.Linear(Sizes().inputs, outputs)
        self.then = then

    def forward(self, images: Tensor) -> Any:
        return self.then(self.linear(images.flatten(1)))


def right() -> nn.Module:
    print("a function may print")  # noqa: T201
    return Network(lambda logits: logits)


def nan() -> nn.Module:
    return Network(lambda logits: logits * float("nan"))


def probabilities() -> nn.Module:
    return Network(lambda logits: logits.softmax(1))


def five() -> nn.Module:
    return Network(lambda logits: logits, outputs=5)


def pair() -> nn.Module:
    return Network(lambda logits: (logits, logits))


def flat() -> nn.Module:
    return Network(lambda logits: logits.argmax(1).float())


def whole_numbers() -> nn.Module:
    return Network(lambda logits: logits.long())


def nothing() -> nn.Module:
    return Network(lambda logits: None)


def detached() -> nn.Module:
    return Network(lambda logits: logits.detach())


def crashing() -> nn.Module:
    return Network(lambda logits: logits.no_such_thing())


def silent() -> nn.Module:
    def fail(logits: Tensor) -> None:
        raise RuntimeError

    return Network(fail)


def crashing_in_training() -> nn.Module:
    def fail(logits: Tensor) -> Tensor:
        if torch.is_grad_enabled() and len(logits) not in (32, 64):  # the last batch of an epoch
            raise KeyError("later")
        return logits

    return Network(fail)


def half() -> nn.Module:
    return Network(lambda logits: logits).half()


def lazy() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(10))


def raising() -> nn.Module:
    raise KeyError("x")


def leaving() -> nn.Module:
    sys.exit(3)


def wanting(size: int) -> nn.Module:
    return nn.Linear(size, size)


def no_module() -> int:
    return 3

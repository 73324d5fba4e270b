"""A network that learns through torch.compile, and trial steps of which nothing is left."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch._dynamo.exc import TorchDynamoException


def compiled(network: nn.Module) -> nn.Module:
    """The same network, translated when the first images of a shape pass; it shares weights and modes."""
    found: nn.Module = torch.compile(network, dynamic=False)  # type: ignore[assignment]
    return found


@contextmanager
def tried(network: nn.Module) -> Iterator[None]:
    """In training mode; afterwards weights and statistics are as before, and there are no gradients.

    ValueError where torch.compile has been asked for and cannot do it.
    """
    before = copy.deepcopy(network.state_dict())
    network.train()
    try:
        yield
    except TorchDynamoException as error:
        why = next(line for line in str(error).splitlines() if line.strip())
        raise ValueError(f"--compile: this network cannot be compiled here: {why}") from error
    finally:
        network.zero_grad(set_to_none=True)
        network.load_state_dict(before)

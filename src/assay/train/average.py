"""An exponential moving average of the weights: less noise than the last step's (Polyak and Juditsky 1992)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """The average of a network's parameters and of what batch norm keeps of its batches, apart from them.

    decay is that of a long training: after t updates it is at most (1 + t) / (10 + t), so that a short one is not held
    back by its first weights.
    """

    def __init__(self, net: nn.Module, decay: float) -> None:
        buffers = {name: buffer for name, buffer in net.named_buffers() if buffer.is_floating_point()}
        self.tensors: dict[str, Tensor] = {**dict(net.named_parameters()), **buffers}
        self.decay = decay
        self.updates = 0
        self.kept = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}

    @torch.no_grad()
    def update(self) -> None:
        """One more step was made."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(list(self.kept.values()), list(self.tensors.values()), 1 - decay)

    @contextmanager
    def worn(self) -> Iterator[None]:
        """Inside, the network has the average in place of its own numbers."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"updates": self.updates, "kept": self.kept}

    def load(self, state: dict[str, Any]) -> None:
        """Back from a checkpoint."""
        self.updates = state["updates"]
        for name, kept in self.kept.items():
            kept.copy_(state["kept"][name])

    @torch.no_grad()
    def _swap(self) -> None:
        for name, tensor in self.tensors.items():
            own = tensor.detach().clone()
            tensor.copy_(self.kept[name])
            self.kept[name].copy_(own)

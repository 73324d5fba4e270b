"""Adversarial weight perturbation: learn where also the weights have been moved to their worst."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from assay.train.ranks import Ranks


@contextmanager
def perturbed(net: nn.Module, loss: Callable[[], Tensor], size: float, ranks: Ranks) -> Iterator[None]:
    """Inside, each weight matrix w is moved by size · ‖w‖ along the loss's gradient; afterwards it is back.

    Wu, Xia and Wang 2020, arXiv 2004.05884, eq. 8 to 10, with one step. Biases and norms stay. Differs: the network is
    moved in place, where the authors move a copy; what batch norm counts is counted twice.
    """
    every: list[Tensor] = [one for one in net.parameters() if one.requires_grad and one.ndim > 1]
    found = torch.autograd.grad(loss(), every, allow_unused=True)
    pairs = [(w, ranks.sum(g)) for w, g in zip(every, found, strict=True) if g is not None]
    weights = [w for w, _ in pairs]
    with torch.no_grad():
        moves = [size * w.norm() / g.norm().clamp_min(1e-12) * g for w, g in pairs]
        before = [w.clone() for w in weights]  # adding and taking off again would leave other last bits
        torch._foreach_add_(weights, moves)
    try:
        yield
    finally:
        with torch.no_grad():
            for w, old in zip(weights, before, strict=True):
                w.copy_(old)

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
    weights: list[Tensor] = [
        parameter for parameter in net.parameters() if parameter.requires_grad and parameter.ndim > 1
    ]
    gradients = torch.autograd.grad(loss(), weights)
    with torch.no_grad():
        moves = [
            size * w.norm() / ranks.sum(g).norm().clamp_min(1e-12) * g for w, g in zip(weights, gradients, strict=True)
        ]
        before = [w.clone() for w in weights]  # adding and taking off again would leave other last bits
        torch._foreach_add_(weights, moves)
    try:
        yield
    finally:
        with torch.no_grad():
            for w, old in zip(weights, before, strict=True):
                w.copy_(old)

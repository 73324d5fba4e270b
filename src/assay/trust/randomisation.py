"""Randomisation: is the map another one when what the network has learnt is taken away?"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay.chance import Draws, derive
from assay.trust import Arrays, Case
from assay.trust.maps import alike, importance

STAGES = 4  # the last layer alone, then the others in about equal parts


def randomisation(case: Case) -> Arrays:
    """How alike the map is `(b, stages)` to itself, after the weights are drawn anew from the logits down.

    Cascading randomisation, Adebayo et al. 2018, arXiv 1810.03292, §3.1; Spearman's rank correlation, of the values
    or, where far from 0 is important, of their absolute values. The class explained stays the same. {} without weights.
    Differs: a tensor is drawn from a normal of its own mean and spread, so that signals keep their size in any network.
    """
    few, network = case.few, case.victim.classifier
    before = importance(few.found, few.facts.important)
    columns = []
    with kept(network):
        for number, stage in enumerate(stages(network, few.images)):
            for place, module in enumerate(stage):
                draw_anew(module, derive(0, "randomisation", number, place))
            if few.victim.logits(few.images).isfinite().all():
                after = importance(few.again(few.images), few.facts.important)
                columns.append(alike(before, after))
            else:  # without an answer there is no map, and so none that is like the old one
                columns.append(np.zeros(len(few.images)))
    return {"randomisation": np.stack(columns, 1)} if columns else {}


def stages(network: nn.Module, images: Float[Tensor, "B C H W"]) -> list[list[nn.Module]]:
    """The modules that hold weights themselves, those used last first: the last alone, then about equal parts."""
    modules = _in_order_of_use(network, images)[::-1]
    if not modules:
        return []
    first, others = [modules[:1]], modules[1:]
    parts = np.array_split(np.arange(len(others)), min(STAGES - 1, len(others))) if others else []
    return first + [[others[place] for place in part] for part in parts]


def stage_names(network: nn.Module, images: Float[Tensor, "B C H W"]) -> list[str]:
    """What each stage draws anew, by the name of its last layer: "net.9", "net.6 and 2 more"."""
    names = {module: name or "the model" for name, module in network.named_modules()}
    found = []
    for stage in stages(network, images):
        more = f" and {len(stage) - 1} more" if len(stage) > 1 else ""
        found.append(f"{names[stage[0]]}{more}")
    return found


def draw_anew(module: nn.Module, seed: int) -> None:
    """The module's own weights, in place: normal numbers of each tensor's own mean and spread."""
    with torch.no_grad():
        for number, weight in enumerate(_own(module)):
            index = torch.tensor([number])
            drawn = Draws(seed, index).normal(tuple(weight.shape), "weights")[0].to(weight)
            spread = weight.std(correction=0)
            weight.copy_(weight.mean() + spread * drawn)


@contextmanager
def kept(network: nn.Module) -> Iterator[None]:
    """Afterwards all weights and buffers are what they were, bit for bit, and the same tensors."""
    before = [(tensor, tensor.detach().clone()) for tensor in (*network.parameters(), *network.buffers())]
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


def _own(module: nn.Module) -> list[Tensor]:
    return [weight for weight in module.parameters(recurse=False) if weight.is_floating_point() and weight.numel()]


def _in_order_of_use(network: nn.Module, images: Float[Tensor, "B C H W"]) -> list[nn.Module]:
    """By their first use in a forward pass; what no hook hears of comes where it was registered."""
    holding = [module for module in network.modules() if _own(module)]
    used: list[nn.Module] = []
    with ExitStack() as hooks, torch.no_grad():
        for module in holding:
            hear = module.register_forward_pre_hook(lambda module, _: used.append(module))
            hooks.callback(hear.remove)
        network(images[:1])
    place = {module: number for number, module in reversed(list(enumerate(used)))}
    after: list[tuple[float, int]] = []
    last = -1.0
    for number, module in enumerate(holding):
        last = float(place.get(module, last))
        after.append((last, number))
    return [holding[number] for _, number in sorted(after)]

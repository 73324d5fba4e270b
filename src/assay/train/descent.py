"""How the weights move: the optimizer of a recipe, whose learning rate follows one cycle."""

import math

import torch
from torch import nn

from assay.train.recipe import Recipe

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm, nn.GroupNorm)
FIRST, LAST = 25.0, 1e4  # peak / first learning rate, first / last: as Smith and Topin's fastai has them


def optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Over all parameters that learn; biases and norms are not decayed."""
    groups, rate = _groups(net, recipe), recipe.learning_rate
    if recipe.optimizer == "sgd":
        nesterov = recipe.momentum > 0
        return torch.optim.SGD(groups, lr=rate, momentum=recipe.momentum, nesterov=nesterov, fused=True)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(groups, lr=rate, fused=True)  # fused: one pass over the weights in place of ten


def schedule(optimizer: torch.optim.Optimizer, recipe: Recipe, steps: int) -> torch.optim.lr_scheduler.OneCycleLR:
    """One cycle over so many steps; the momentum of Adam goes against it, that of SGD stays."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        peaks,
        total_steps=steps,
        pct_start=turn(recipe.rise, steps),
        cycle_momentum=recipe.optimizer != "sgd",
        div_factor=FIRST,
        final_div_factor=LAST,
    )


def sizes(images: int, batch_size: int) -> list[int]:
    """How many images each step of an epoch takes. A last one that would be alone goes with the batch before it:
    batch norm can learn nothing of one number."""
    whole, left = divmod(images, batch_size)
    taken = [batch_size] * whole + [left] * (left > 0)
    return [*taken[:-2], batch_size + 1] if left == 1 and whole else taken


def turn(rise: float, steps: int) -> float:
    """The share of a training in which the learning rate rises. Where that would be one step, torch divides by 0."""
    return rise + 0.01 if math.isclose(rise * steps, 1) else rise


def one_cycle(step: int, steps: int, peak: float, rise: float) -> float:
    """The learning rate after so many steps, in closed form (Smith and Topin 2018, arXiv 1708.07120; with cosines)."""
    top, end = turn(rise, steps) * steps - 1, steps - 1
    before, after, part = peak / FIRST, peak, step / top
    if step > top:
        before, after, part = peak, peak / FIRST / LAST, (step - top) / (end - top)
    return after + (before - after) / 2 * (1 + math.cos(math.pi * part))


def _groups(net: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """Parameters in groups of one learning rate and decay; a single group where the recipe treats all alike."""
    of_norms = {id(part.bias) for part in net.modules() if isinstance(part, NORMS) and part.bias is not None}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in net.parameters():
        if parameter.requires_grad:
            decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
            scale = recipe.bias_scale if id(parameter) in of_norms else 1.0
            groups.setdefault((recipe.learning_rate * scale, decay), []).append(parameter)
    return [{"params": some, "lr": rate, "weight_decay": decay} for (rate, decay), some in groups.items()]

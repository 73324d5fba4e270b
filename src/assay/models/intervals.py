"""Interval bounds: what the logits can be at most, for any image of a box, layer by layer (Gowal et al. 2018)."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.models.classifier import Classifier

Bounds = tuple[Tensor, Tensor]
MONOTONE = (nn.ReLU, nn.LeakyReLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
ROUNDING = 1e-4  # of the largest bound: what float32 may have lost on the way, which a proof must not gain
SHAPELESS = (nn.Flatten, nn.Identity)


def worst_logits(
    classifier: Classifier, images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"], eps: float
) -> Float[Tensor, "B K"]:
    """For each class the most that its logit can exceed the label's within eps in linf, in the box; 0 at the label.

    arXiv 1810.12715, eq. 5 to 8, with the last layer joined to the difference. Where all others are below 0, no image
    of the ball is misclassified, whatever the attack: a proof, up to the rounding of float32. ValueError for a network
    that is no chain of layers with known bounds.
    """
    *layers, last = chain(classifier.net)
    if not isinstance(last, nn.Linear):
        raise ValueError(f"no interval bounds for a network that ends in {type(last).__name__}: Linear wanted")
    low, high = (images - eps).clamp_min(0), (images + eps).clamp_max(1)
    bounds = (low - classifier.mean) / classifier.spread, (high - classifier.mean) / classifier.spread
    for layer in layers:
        bounds = passed(layer, bounds)
    centre, radius = _ball(bounds)
    differences = last.weight[None] - last.weight[labels][:, None]  # (B, K, features)
    shift = 0.0 if last.bias is None else last.bias[None] - last.bias[labels][:, None]
    worst: Tensor = (
        torch.einsum("bkf,bf->bk", differences, centre) + torch.einsum("bkf,bf->bk", differences.abs(), radius) + shift
    )
    return worst


def certified(
    classifier: Classifier, images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"], eps: float
) -> Tensor:
    """Whether no image within eps in linf is answered otherwise than with the label: proven by interval bounds."""
    worst = worst_logits(classifier, images, labels, eps)
    others = worst.scatter(1, labels[:, None], -torch.inf)
    return others.amax(1) < -ROUNDING * worst.abs().amax(1).clamp_min(1)


def chain(net: nn.Module) -> list[nn.Module]:
    """The layers of a network that is one after the other; ValueError for any other."""
    if type(net) is nn.Sequential and not _hooked(net):
        return [layer for part in net for layer in chain(part)]
    known = (*MONOTONE, *SHAPELESS, nn.Linear, nn.Conv2d, nn.BatchNorm2d, nn.Dropout)
    if type(net) not in known or _hooked(net):  # a sub-class may do anything else
        raise ValueError(
            f"no interval bounds for {type(net).__name__}: a chain of {', '.join(_names(known))} is wanted"
        )
    if isinstance(net, nn.BatchNorm2d | nn.Dropout) and net.training:
        raise ValueError(f"no interval bounds for {type(net).__name__} while it learns: take a network without")
    if isinstance(net, nn.BatchNorm2d) and net.running_mean is None:
        raise ValueError("no interval bounds for BatchNorm2d that counts nothing: it looks at the whole batch")
    return [net]


def _hooked(net: nn.Module) -> bool:
    return bool(net._forward_hooks or net._forward_pre_hooks)


def passed(layer: nn.Module, bounds: Bounds) -> Bounds:
    """The bounds after a layer; the tightest there are for that layer alone."""
    if isinstance(layer, nn.Linear):
        return _affine(
            bounds, lambda x: F.linear(x, layer.weight), lambda x: F.linear(x, layer.weight.abs()), layer.bias
        )
    if isinstance(layer, nn.Conv2d):
        bias = None if layer.bias is None else layer.bias[:, None, None]
        weight = layer.weight
        return _affine(
            bounds,
            lambda x: layer._conv_forward(x, weight, None),
            lambda x: layer._conv_forward(x, weight.abs(), None),
            bias,
        )
    if isinstance(layer, nn.BatchNorm2d):
        ends = layer(bounds[0]), layer(bounds[1])
        return torch.minimum(*ends), torch.maximum(*ends)
    return layer(bounds[0]), layer(bounds[1])


def _affine(
    bounds: Bounds, times: Callable[[Tensor], Tensor], times_absolute: Callable[[Tensor], Tensor], bias: Tensor | None
) -> Bounds:
    centre, radius = _ball(bounds)
    middle, width = times(centre), times_absolute(radius)
    if bias is not None:
        middle = middle + bias
    return middle - width, middle + width


def _ball(bounds: Bounds) -> Bounds:
    low, high = bounds
    return (low + high) / 2, (high - low) / 2


def _names(kinds: tuple[type[nn.Module], ...]) -> list[str]:
    return [kind.__name__ for kind in kinds]

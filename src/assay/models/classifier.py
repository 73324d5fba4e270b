"""The noun of this folder: pixels in, logits out, and everything needed to say so within one module."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay import spec
from assay.chance import seeded
from assay.files import fault, reason
from assay.models import MODELS
from assay.models.yours import from_user

NO_GRADIENT = "the model has no gradient with respect to its images: it detaches them, or runs in no_grad"


class Classifier(nn.Module):
    """`(B, C, H, W)` float pixels in [0, 1] -> `(B, K)` logits.

    Mean and standard deviation live inside: there is no other pixel scale anywhere. `architecture` is text that
    builds `net` again: a name of `assay.models`, or FILE.py:FUNCTION.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self,
        net: nn.Module,
        architecture: str,
        shape: Sequence[int],
        classes: Sequence[str],
        mean: Sequence[float],
        spread: Sequence[float],
    ) -> None:
        super().__init__()
        channels = shape[0]
        if not (len(mean) == len(spread) == channels):
            raise ValueError(f"mean and std need one number for each of {channels} channels, got {mean} and {spread}")
        if not all(map(math.isfinite, (*mean, *spread))) or min(spread) <= 0:
            raise ValueError(f"mean and std must be finite, and std above 0, got {mean} and {spread}")
        self.net = net
        self.architecture = architecture
        self.shape = (shape[0], shape[1], shape[2])
        self.classes = tuple(classes)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32).reshape(1, -1, 1, 1), persistent=False)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        logits: Tensor = self.answer(images)
        return logits

    def answer(self, images: Float[Tensor, "B C H W"]) -> Any:
        """What the network says, which `check` has not yet found to be logits."""
        return self.net((images - self.mean) / self.spread)

    def describe(self) -> dict[str, Any]:
        """What `model.json` holds: all but the weights."""
        return {
            "architecture": self.architecture,
            "shape": list(self.shape),
            "classes": list(self.classes),
            "mean": self.mean.flatten().tolist(),
            "std": self.spread.flatten().tolist(),
            "parameters": sum(parameter.numel() for parameter in self.net.parameters()),
        }


def build(description: Mapping[str, Any], seed: int = 0) -> Classifier:
    """A classifier with fresh weights, from what `describe` says. Raises ValueError where it cannot be."""
    shape, classes = tuple(description["shape"]), description["classes"]
    architecture = description["architecture"]
    if len(classes) < 2:
        raise ValueError(f"a classifier needs at least 2 classes, got {len(classes)}")
    with seeded(seed, "weights"):
        if ".py:" in architecture:
            net = from_user(architecture, len(classes))
        else:
            make = spec.read(architecture, MODELS, "model")
            try:
                net = make.function(shape, len(classes), **make.settings)
            except (RuntimeError, TypeError) as error:  # sizes that no memory, or no integer, holds
                raise ValueError(f"{architecture} cannot be built for images {shape}: {reason(error)}") from error
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Classifier(net, architecture, shape, classes, description["mean"], description["std"])


def restore(description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Classifier:
    """The classifier that was saved. Raises ValueError that lists what does not fit."""
    if ".py:" not in description["architecture"]:  # a shape that is damaged may ask for more memory than there is
        with torch.device("meta"):
            _fit(build(description).net, weights)
    classifier = build(description)
    put(classifier.net, weights)
    return classifier.eval()


def put(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load weights, all of them and no others; ValueError names the differences."""
    _fit(net, weights)
    net.load_state_dict(dict(weights))


def _fit(net: nn.Module, weights: Mapping[str, Tensor]) -> None:
    wanted = net.state_dict()
    differences = [f"{name} is missing" for name in wanted if name not in weights]
    differences += [f"{name} is not wanted" for name in weights if name not in wanted]
    differences += [
        f"{name} has shape {tuple(weights[name].shape)}, {tuple(wanted[name].shape)} wanted"
        for name in wanted
        if name in weights and weights[name].shape != wanted[name].shape
    ]
    if differences:
        more = f" and {len(differences) - 4} more" if len(differences) > 4 else ""
        raise ValueError(f"the weights do not fit the model: {'; '.join(differences[:4])}{more}")


def check(classifier: Classifier, images: Float[Tensor, "B C H W"], classes: int, gradients: bool = False) -> None:
    """ValueError in one line if the answers are no logits: not finite, of another size, or probabilities.

    With `gradients` also if they cannot be differentiated with respect to the images.
    """
    kinds = {str(parameter.dtype) for parameter in classifier.net.parameters()} - {"torch.float32"}
    if kinds:
        raise ValueError(f"the model's parameters are {', '.join(sorted(kinds))}, torch.float32 wanted")
    try:
        with torch.set_grad_enabled(gradients):
            logits = classifier.answer(images.clone().requires_grad_(gradients))
    except Exception as error:  # the network may be anybody's
        raise ValueError(f"the model does not take images {tuple(images.shape[1:])}: {fault(error)}") from error
    if (
        not isinstance(logits, Tensor)
        or logits.ndim != 2
        or len(logits) != len(images)
        or not logits.is_floating_point()
    ):
        got = f"{tuple(logits.shape)} of {logits.dtype}" if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"the model must return logits ({len(images)}, {classes}), got {got}")
    if logits.shape[1] != classes:
        raise ValueError(f"the model has {logits.shape[1]} outputs, but the data have {classes} classes")
    if not logits.isfinite().all():
        bad = int((~logits.isfinite().all(1)).sum())
        raise ValueError(f"the model returns NaN or infinity for {bad} of {len(images)} clean images")
    if bool((logits >= 0).all()) and bool(((logits.sum(1) - 1).abs() < 1e-4).all()):
        raise ValueError("the model returns probabilities, logits wanted: take the softmax off its end")
    if gradients and not logits.requires_grad:
        raise ValueError(NO_GRADIENT)

"""A model that remembers what it was asked: every input, its mode, and what came back through it."""

import copy
import time
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn

from assay.adversary.victim import frozen, predicted


@dataclass
class Pass:
    """One question: the images `(B, C, H, W)`, the answer `(B, K)`, and if it was asked for, what came back.

    of_logits: the gradient of the attack's loss with respect to the logits. of_images: with respect to the images.
    returns: how often something came back.
    """

    images: Tensor
    logits: Tensor
    training: bool
    of_logits: Tensor | None = None
    of_images: Tensor | None = None
    returns: int = 0


@dataclass
class Record:
    """All passes of one run of an attack, in their order, and whether the model has failed on purpose."""

    passes: list[Pass] = field(default_factory=list)
    failed: bool = False

    @property
    def backwards(self) -> list[Pass]:
        """The passes that something came back through."""
        return [each for each in self.passes if each.of_logits is not None]


class EndlessError(RuntimeError):
    """An attack has asked for longer than anybody waits."""


class PlannedError(RuntimeError):
    """The model has failed, as it was told to."""


class Witness(nn.Module):
    """Answers as `net` does, and writes into `record`. As transparent as a module can be.

    Whoever asks for more than `patience` seconds is stopped by EndlessError. With `fails_at` a number of passes are
    answered, and each one after them raises PlannedError.
    """

    def __init__(self, net: nn.Module, patience: float = 20.0, fails_at: int | None = None) -> None:
        super().__init__()
        self.net = net
        self.record = Record()
        self.end = time.monotonic() + patience
        self.fails_at = fails_at

    def __deepcopy__(self, memo: dict[int, object]) -> "Witness":
        """Who attacks a copy is seen all the same."""
        other = Witness(copy.deepcopy(self.net, memo), fails_at=self.fails_at)
        other.train(self.training)
        other.record, other.end = self.record, self.end
        return other

    def forward(self, images: Tensor) -> Tensor:
        if time.monotonic() > self.end:
            raise EndlessError("it asks on and on")
        if self.fails_at is not None and len(self.record.passes) >= self.fails_at:
            self.record.failed = True
            raise PlannedError("the model failed")
        images = images.view_as(images)  # another tensor at each pass, though one leaf may be asked about again
        logits = self.net(images)
        training = self.training or any(part.training for part in self.net.modules())
        asked = Pass(images.detach().clone(), logits.detach().clone(), training)
        self.record.passes.append(asked)
        if logits.requires_grad:
            logits.register_hook(partial(_keep, asked, "of_logits"))
        if images.requires_grad:
            images.register_hook(partial(_keep, asked, "of_images"))
        return logits


def _keep(asked: Pass, name: str, gradient: Tensor) -> None:
    before = getattr(asked, name)
    asked.returns += name == "of_logits"
    setattr(asked, name, gradient.detach().clone() if before is None else before + gradient.detach())


def classes(net: nn.Module, images: Tensor) -> Tensor:
    """The predicted classes `(B,)` in eval mode; -1 where the logits are not finite. The modes come back."""
    with frozen(net), torch.no_grad():
        return predicted(net(images))

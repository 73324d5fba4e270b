"""What the enemy wants: a score to climb, from logits, and when he has won, from predicted classes.

An attack climbs `score` and never asks whether the goal is targeted: there are no sign flips in attacks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from assay import spec
from assay.chance import Draws

Loss = Literal["ce", "margin", "dlr", "logit"]
Until = Literal["fooled", "end"]
Classes = Int64[Tensor, "B"]
Logits = Float[Tensor, "B K"]


@dataclass(frozen=True)
class Goal:
    """Away from a class (its label) or, if targeted, toward one.

    loss: ce, cross-entropy; margin, the best other logit against this one; dlr, the margin over the spread of the
    first to the third logit (Croce and Hein 2020, arXiv 2003.01690, eq. 6 and 7), which stays the same when logits
    are scaled and falls back to the margin below 3 (targeted: 4) classes; logit, this class's logit alone.
    Differs: targeted dlr sets the target against the best other class, where eq. 7 takes the label.
    until: "fooled" lets an image rest once the goal is confirmed; "end" goes all the way, for hardening.
    among: classes to be aimed at one after the other, by `each`; what counts is still whether `classes` are left.
    """

    classes: Classes
    targeted: bool = False
    loss: Loss = "ce"
    until: Until = "fooled"
    among: Int64[Tensor, "B N"] | None = None

    def __getitem__(self, rows: Tensor | slice) -> "Goal":
        among = None if self.among is None else self.among[rows]
        return replace(self, classes=self.classes[rows], among=among)

    def each(self) -> "list[Goal]":
        """The goals that an attack is run for: this one, or one toward each class of `among`."""
        if self.among is None:
            return [self]
        return [replace(self, classes=targets, targeted=True, among=None) for targets in self.among.unbind(1)]

    def score(self, logits: Logits) -> Float[Tensor, "B"]:
        """What the enemy climbs; for margin and dlr it is positive once he has won."""
        sign = 1 if self.targeted else -1
        if self.loss == "ce":
            return -sign * F.cross_entropy(logits, self.classes, reduction="none")
        own = logits.gather(1, self.classes[:, None])[:, 0]
        if self.loss == "logit":
            return sign * own
        other = logits.scatter(1, self.classes[:, None], -float("inf")).amax(1)
        margin = sign * (own - other)
        if self.loss == "margin" or not dlr_exists(logits.shape[1], self.targeted):
            return margin
        top = logits.topk(min(4, logits.shape[1]), dim=1).values
        third = (top[:, 2] + top[:, 3]) / 2 if self.targeted else top[:, 2]
        return margin / (top[:, 0] - third).clamp_min(1e-12)

    def reached(self, predicted: Classes) -> Bool[Tensor, "B"]:
        """Whether the predicted classes are what the enemy wants; -1, no prediction, never is."""
        return (predicted >= 0) & ((predicted == self.classes) == self.targeted)


def untargeted(labels: Classes, loss: Loss = "ce", until: Until = "fooled") -> Goal:
    """Any class but the label."""
    return Goal(labels, targeted=False, loss=loss, until=until)


def targeted(targets: Classes, loss: Loss = "ce", until: Until = "fooled") -> Goal:
    """For each image the class given."""
    return Goal(targets, targeted=True, loss=loss, until=until)


def dlr_exists(classes: int, targeted: bool) -> bool:
    """Whether there are classes enough for dlr; below that the margin is climbed in its place."""
    return classes >= (4 if targeted else 3)


def _untargeted(labels: Classes, logits: Logits, draws: Draws, *, loss: Loss = "ce") -> Goal:
    return untargeted(labels, loss)


def _toward(labels: Classes, logits: Logits, draws: Draws, *, target: int, loss: Loss = "ce") -> Goal:
    if not 0 <= target < logits.shape[1]:
        raise ValueError(f"toward({target}): there are classes 0 to {logits.shape[1] - 1}")
    return targeted(labels.new_full((len(labels),), target), loss)


def _least_likely(labels: Classes, logits: Logits, draws: Draws, *, loss: Loss = "ce") -> Goal:
    return targeted(logits.argmin(1), loss)


def _random(labels: Classes, logits: Logits, draws: Draws, *, loss: Loss = "ce") -> Goal:
    step = 1 + draws.integers(logits.shape[1] - 1, (), "random target")
    return targeted((labels + step) % logits.shape[1], loss)


def _every(labels: Classes, logits: Logits, draws: Draws, *, loss: Loss = "ce") -> Goal:
    others = logits.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)[:, :-1]
    return replace(untargeted(labels, loss), among=others)


GOALS: dict[str, Callable[..., Goal]] = {
    "untargeted": _untargeted,
    "toward": _toward,
    "least_likely": _least_likely,
    "random": _random,
    "every": _every,
}


def read_goal(text: str) -> spec.Call:
    """The goal that text such as "toward(3)" names: call it with labels, clean logits and draws, to get a Goal."""
    return spec.read(text, GOALS, "goal")

"""A model under examination: asked for logits, for gradients, and for what two attacks leave of it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.adversary.goal import Loss, untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim
from assay.attacks.pgd import pgd
from assay.attacks.square import square
from assay.chance import Draws
from assay.doctor.trial import percent
from assay.files import fault

EPS = {1: 0.1, 3: 8 / 255}  # by channels, for the number that a finding is about
FEW, QUERIES = 32, 300


class NoAnswerError(RuntimeError):
    """The network has raised an error, or returned no logits."""


@dataclass
class Patient:
    """A module in eval mode, images `(N, C, H, W)` in [0, 1]; labels and the number of classes where they are known."""

    net: nn.Module
    images: Float[Tensor, "N C H W"]
    labels: Int64[Tensor, "N"] | None
    classes: int | None

    def ask(self, images: Tensor) -> Tensor:
        """Logits, without a gradient."""
        with torch.no_grad():
            return self._answer(images.clone())

    def _answer(self, images: Tensor) -> Tensor:
        """Logits in float32; NoAnswerError if these are none."""
        try:
            answer = self.net(images)
        except Exception as error:  # the network may be anybody's
            raise NoAnswerError(fault(error)) from error
        got = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        if not isinstance(answer, Tensor) or answer.ndim != 2 or len(answer) != len(images) or answer.shape[1] < 2:
            raise NoAnswerError(f"it returns {got} for {len(images)} images, ({len(images)}, classes) wanted")
        return answer.float()

    @cached_property
    def logits(self) -> Tensor:
        """The answer to the images."""
        return self.ask(self.images)

    @cached_property
    def spread(self) -> float:
        """How far apart logits are, to measure differences by."""
        return max(float(self.logits.std()), 1e-12)

    def gradient(self, images: Tensor, loss: Loss) -> Tensor:
        """Of ce or margin, away from what is predicted, with respect to the images."""
        goal = untargeted(self.logits.argmax(1), loss)
        images = images.clone().requires_grad_()
        with torch.enable_grad():
            score = goal.score(self._answer(images)).sum()
        if not score.requires_grad:
            return torch.zeros_like(images)
        found = torch.autograd.grad(score, images, allow_unused=True)[0]
        return torch.zeros_like(images) if found is None else found

    @cached_property
    def margin_gradient(self) -> Tensor:
        """Of the margin, at the images."""
        return self.gradient(self.images, "margin")

    @cached_property
    def left_by_pgd(self) -> Tensor | None:
        """Which of some images pgd leaves standing; None if it cannot be run, without a gradient."""
        return self.left(partial(pgd, steps=20), "ce")

    @cached_property
    def left_by_square(self) -> Tensor | None:
        """The same of square, which asks for no gradient."""
        return self.left(partial(square, steps=QUERIES), "margin")

    def left(self, attack: Callable[..., Tensor], loss: Loss) -> Tensor | None:
        """The same of any attack."""
        goal = untargeted(self.logits[:FEW].argmax(1), loss)
        draws = Draws(0, torch.arange(len(goal.classes)))
        with Victim(self.net, micro_batch=FEW) as victim:
            try:
                points = attack(victim, self.images[:FEW], goal, linf(self.eps), draws)
                return ~goal.reached(victim.labels(points))
            except Exception:  # the network may be anybody's
                return None

    @property
    def eps(self) -> float:
        """Of the number that a gradient is trusted with."""
        return EPS.get(self.images.shape[1], 8 / 255)

    @property
    def under_attack(self) -> str:
        """That number: what pgd leaves and what square leaves of some images."""
        left = (
            "cannot be run" if left is None else f"leaves {percent(share(left))} of {len(left)} images standing"
            for left in (self.left_by_pgd, self.left_by_square)
        )
        return "at linf({:.3g}) pgd {}, square {}".format(self.eps, *left)


def share(rows: Tensor) -> float:
    """The share of the rows that are true."""
    return float(rows.float().mean())

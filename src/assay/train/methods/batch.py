"""One batch of a hardening, as a method sees it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from assay.adversary.goal import Goal, untargeted
from assay.adversary.threat import Threat
from assay.adversary.victim import Images, Precision, Scored, Victim
from assay.chance import Draws
from assay.models.classifier import Classifier
from assay.spec import Call
from assay.train.recipe import Statistics

WATCHED = 32  # images of a batch: a forward pass of them, in every eighth step, costs next to nothing
Fit = Callable[[], tuple[Tensor, Tensor]]


@dataclass
class Batch:
    """pixels `(B, C, H, W)` in [0, 1] and labels `(B,)`; the threat at the eps of this step.

    module is what learns, in training mode, and `classifier` the same without what joins processes: attacks see that.
    A sum of losses is multiplied by `share`, so that the mean over the processes is the mean over the images. Of the
    first images of a batch that is `watched`, `fell` counts those whose loss an attack has lowered, and `seen` all.
    """

    classifier: Classifier
    module: nn.Module
    pixels: Images
    labels: Tensor
    threat: Threat
    draws: Draws
    precision: Precision
    smoothing: float = 0.0
    share: float = 1.0
    progress: float = 1.0
    statistics: Statistics = "running"
    watched: bool = False
    seen: int = 0
    fell: Tensor | None = None
    before: Tensor | None = None

    def logits(self, pixels: Images) -> Tensor:
        """What the network says while it learns, as float32."""
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            answer: Tensor = self.module(pixels)
        return answer.float()

    def loss(self, logits: Tensor) -> Tensor:
        """Cross-entropy over the batch."""
        return self.mean(F.cross_entropy(logits, self.labels, label_smoothing=self.smoothing, reduction="none"))

    def learning(self, points: Images) -> Fit:
        """Learn the labels at these points."""
        self._notice(points)

        def fit() -> tuple[Tensor, Tensor]:
            logits = self.logits(points)
            return logits, self.loss(logits)

        return fit

    def mean(self, losses: Tensor) -> Tensor:
        """The mean of one number for each image, right also where processes have unequal parts."""
        return losses.sum() * self.share

    def victim(self) -> Victim:
        """The classifier in eval mode and frozen: crafting makes no gradients of weights, and moves no statistics.

        Batch norm uses those that it has counted, or with statistics="batch" those of the images before it.
        """
        return _Watched(self)

    def craft(self, attack: Call) -> Images:
        """Adversarial images for these weights; until="end": those that rest once fooled make weak ones."""
        goal: Goal = untargeted(self.labels, until="end")
        with self.victim() as victim:
            crafted: Images = attack(victim, self.pixels, goal, self.threat, self.draws)
        return crafted

    def _notice(self, points: Images) -> None:
        """Whose loss is lower at the points than where the attack began, both seen in eval mode."""
        if not (self.watched and self.before is not None):
            return
        few = len(points) if self.statistics == "batch" else WATCHED  # there, an image's answer hangs on all of them
        labels, before = self.labels[:few], self.before[:few]
        with self.victim() as victim:
            after = victim.logits(points[:few], exact=False)
        losses = [F.cross_entropy(logits, labels, reduction="none") for logits in (before, after)]
        self.seen, self.fell = len(labels), (losses[1] < losses[0]).sum()


class _Watched(Victim):
    """A victim that leaves the logits at the points where an attack began with its batch."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(batch.classifier, precision=batch.precision, micro_batch=max(1, len(batch.pixels)))
        self.batch = batch
        self._norms = ExitStack()

    def __enter__(self) -> Victim:
        learning = [part for part in self.classifier.modules() if isinstance(part, _BatchNorm) and part.training]
        super().__enter__()
        if self.batch.statistics == "batch":
            self._norms.enter_context(of_the_batch(learning))
        return self

    def __exit__(self, *error: object) -> None:
        self._norms.close()
        super().__exit__(*error)

    def gradients(self, images: Images, goals: Any, exact: bool = False) -> tuple[Tensor, list[Images]]:
        logits, found = super().gradients(images, goals, exact)
        if self.batch.watched and self.batch.before is None and len(logits) == len(self.batch.labels):
            self.batch.before = logits
        return logits, found


@contextmanager
def of_the_batch(norms: list[_BatchNorm]) -> Iterator[None]:
    """Those batch norms, which are in eval mode, use the mean and spread of what passes, and count nothing of it."""
    counting = [part.track_running_stats for part in norms]
    for part in norms:
        part.training, part.track_running_stats = True, False
    try:
        yield
    finally:
        for part, counted in zip(norms, counting, strict=True):
            part.training, part.track_running_stats = False, counted


def walk(batch: Batch, scored: Scored, start: Images, steps: int, step_size: float | Tensor) -> Images:
    """Projected ascent on any score, all the way: PGD without a goal that could be reached."""
    points = start
    with batch.victim() as victim:
        for _ in range(steps):
            gradient = victim.gradient(points, scored)[1]
            points = batch.threat.project(batch.threat.climb(points, gradient, step_size), batch.pixels)
    return points

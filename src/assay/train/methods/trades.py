"""TRADES: right on clean images, and the same answer beside them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.spec import Count, Positive
from assay.train.methods import Fit
from assay.train.methods.batch import Batch, walk


def trades(batch: Batch, *, beta: Positive = 6.0, steps: Count = 10, step_size: Positive | None = None) -> Fit:
    """Zhang et al. 2019, arXiv 1901.08573, eq. 5: cross-entropy + beta · KL(clean answer ‖ answer at x').

    x' climbs the divergence from a Gaussian start of 0.001. step_size is in pixels; None is 2.5 · eps / steps.
    Accuracy in the metrics is that at x'.
    """
    size = 2.5 * batch.threat.radius(batch.pixels) / steps if step_size is None else step_size
    with batch.victim() as victim:
        clean = victim.logits(batch.pixels, exact=False)
    start = batch.threat.project(
        batch.pixels + 1e-3 * batch.draws.normal(batch.pixels.shape[1:], "trades"), batch.pixels
    )
    points = walk(batch, Divergence(clean), start, steps, size)

    def fit() -> tuple[Tensor, Tensor]:
        logits, attacked = batch.logits(torch.cat([batch.pixels, points])).chunk(2)  # one pass: one set of statistics
        losses = F.cross_entropy(logits, batch.labels, label_smoothing=batch.smoothing, reduction="none")
        return attacked, batch.mean(losses + beta * divergence(logits, attacked))

    return fit


def divergence(clean: Tensor, other: Tensor) -> Tensor:
    """KL(softmax(clean) ‖ softmax(other)) of each image."""
    log_clean, log_other = clean.log_softmax(1), other.log_softmax(1)
    return (log_clean.exp() * (log_clean - log_other)).sum(1)


@dataclass(frozen=True)
class Divergence:
    """How far an answer is from the clean one: what an attack can climb."""

    clean: Tensor

    def __getitem__(self, rows: Tensor | slice) -> "Divergence":
        return Divergence(self.clean[rows])

    def score(self, logits: Tensor) -> Tensor:
        """One number for each image, at least 0."""
        return divergence(self.clean, logits)

"""Fast hardening: one step from noise twice as wide as eps, which is not cut back to the ball."""

from assay.adversary.goal import untargeted
from assay.spec import Positive
from assay.train.methods import Fit
from assay.train.methods.batch import Batch


def fast(batch: Batch, *, noise: Positive = 2.0, step: Positive = 1.0) -> Fit:
    """N-FGSM, de Jorge et al. 2022, arXiv 2202.01181, algorithm 1: for about twice the price of plain training.

    noise and step are multiples of eps; the points may leave the ball of eps, which is what keeps it from collapsing,
    and are cut to [0, 1]. Differs: batch norm is in eval mode while the step is made.
    """
    radius = batch.threat.radius(batch.pixels)
    uniform = batch.draws.uniform(batch.pixels.shape[1:], "fast")
    start = (batch.pixels + noise * radius * (2 * uniform - 1)).clamp(0, 1)
    with batch.victim() as victim:
        gradient = victim.gradient(start, untargeted(batch.labels, until="end"))[1]
    points = (start + step * radius * gradient.sign()).clamp(0, 1)

    return batch.learning(points)

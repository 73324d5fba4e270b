"""Interval bounds: train on the worst logits that any image of the ball could have, so that they can be certified."""

import torch.nn.functional as F
from torch import Tensor

from assay.models.intervals import worst_logits
from assay.spec import Positive
from assay.train.methods import Fit
from assay.train.methods.batch import Batch


def ibp(batch: Batch, *, clean: Positive = 0.5) -> Fit:
    """Gowal et al. 2018, arXiv 1810.12715, eq. 12: κ · CE(logits) + (1 - κ) · CE(worst logits).

    κ falls from 1 to `clean` as eps grows. Accuracy in the metrics is that of the worst logits: it is certified.
    """
    if clean > 1:
        raise ValueError(f"ibp: clean must be between 0 and 1, got {clean}")
    radius = float(batch.threat.eps) if isinstance(batch.threat.eps, float) else 0.0
    kappa = 1 - (1 - clean) * batch.progress

    def fit() -> tuple[Tensor, Tensor]:
        logits = batch.logits(batch.pixels)
        worst = worst_logits(batch.classifier, batch.pixels, batch.labels, radius)
        losses = [F.cross_entropy(each, batch.labels, reduction="none") for each in (logits, worst)]
        return worst, batch.mean(kappa * losses[0] + (1 - kappa) * losses[1])

    return fit

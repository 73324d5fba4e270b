"""Which images no attack whatever can break: a lower bound on robust accuracy, where interval bounds can prove it."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from assay.adversary.victim import MICRO_BATCH, Victim
from assay.data import ImageSet
from assay.models.classifier import Classifier
from assay.models.intervals import certified, chain
from assay.tally import CERTIFIED


def certificates(
    classifier: Classifier, images: ImageSet, epsilons: Sequence[float], norm: str
) -> dict[str, np.ndarray]:
    """The table's column: of each image the largest eps of the list at which it is proven; 0 where none is.

    No column where nothing can be proven: in another norm than linf, or for a network that is no chain of layers.
    """
    if norm != "linf" or not can_be(classifier):
        return {}
    device, largest = classifier.mean.device, torch.zeros(len(images), dtype=torch.float64)
    with Victim(classifier), torch.no_grad():
        for start in range(0, len(images), MICRO_BATCH):
            rows = slice(start, start + MICRO_BATCH)
            part = images.rows(rows)
            empty = MICRO_BATCH - len(part)  # one shape, so that an image's bounds do not depend on its neighbours
            pixels = F.pad(part.pixels(device), (0, 0, 0, 0, 0, 0, 0, empty))
            labels = F.pad(part.labels.to(device), (0, empty))
            left = torch.arange(MICRO_BATCH, device=device) < len(part)
            for eps in sorted(epsilons):  # who is not proven within a smaller one is not within a larger
                if not left.any():
                    break
                left = left & certified(classifier, pixels, labels, eps)
                largest[rows][left[: len(part)].cpu()] = eps
    return {CERTIFIED: largest.numpy()}


def can_be(classifier: Classifier) -> bool:
    """Whether there are bounds for this network."""
    try:
        with Victim(classifier):
            return isinstance(chain(classifier.net)[-1], nn.Linear)
    except ValueError:
        return False

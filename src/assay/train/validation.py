"""What an epoch was worth, on images that nothing is learnt from; and of which epoch the weights are kept."""

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.adversary.goal import untargeted
from assay.adversary.threat import Threat
from assay.adversary.victim import Precision, Victim, predicted
from assay.attacks.pgd import pgd
from assay.chance import Draws, derive
from assay.data import ImageSet
from assay.models.classifier import Classifier
from assay.models.intervals import certified
from assay.train.ranks import Ranks
from assay.train.recipe import Recipe

PIECE = 1024  # images that are validated at a time
PROBED = 512  # images that a hardening is probed with after each epoch
PROBE_STEPS = 10  # of PGD, whatever the hardening makes: a single step says 100 % of a network that has collapsed


def validated(
    classifier: Classifier,
    held_out: ImageSet,
    threat: Threat | None,
    recipe: Recipe,
    ranks: Ranks,
    device: torch.device,
    precision: Precision,
) -> dict[str, float]:
    """Loss and accuracy on all held-out images; with a threat also how many of the first 512 withstand PGD there."""
    mine = held_out.rows(torch.arange(ranks.rank, len(held_out), ranks.size))
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    with Victim(classifier, access="scores") as victim:
        for start in range(0, len(mine), PIECE):
            piece = mine.rows(slice(start, start + PIECE))
            labels = piece.labels.to(device)
            logits = victim.logits(piece.pixels(device))
            sums += torch.stack([F.cross_entropy(logits, labels, reduction="sum"), _right(logits, labels)]).double()
    loss, right = (ranks.sum(sums) / len(held_out)).tolist()
    found = {"validation_loss": loss, "validation_accuracy": right}
    if threat and recipe.certifies:
        found["validation_certified"] = float(
            ranks.sum(_proven(classifier, mine, threat, recipe.batch_size, device)) / len(held_out)
        )
    if threat:
        probe = held_out.first(min(PROBED, len(held_out)))
        part = probe.rows(torch.arange(ranks.rank, len(probe), ranks.size))
        stand = _withstand(classifier, part, threat, recipe, device, precision)
        found["validation_robust"] = float(ranks.sum(stand) / len(probe))
    return found


def _withstand(
    classifier: Classifier, images: ImageSet, threat: Threat, recipe: Recipe, device: torch.device, precision: Precision
) -> Tensor:
    """How many are right after the probe."""
    labels, draws = images.labels.to(device), Draws(derive(recipe.seed, "probe"), images.index.to(device))
    with Victim(classifier, precision=precision, micro_batch=max(1, min(len(images), recipe.batch_size))) as victim:
        crafted = pgd(victim, images.pixels(device), untargeted(labels), threat, draws, steps=PROBE_STEPS)
        return (victim.labels(crafted) == labels).sum().double()


def _proven(classifier: Classifier, images: ImageSet, threat: Threat, size: int, device: torch.device) -> Tensor:
    """Of how many no image of the ball is misclassified."""
    assert isinstance(threat.eps, float)
    proven = torch.zeros((), dtype=torch.float64, device=device)
    with Victim(classifier), torch.no_grad():
        for start in range(0, len(images), size):
            piece = images.rows(slice(start, start + size))
            proven += certified(classifier, piece.pixels(device), piece.labels.to(device), threat.eps).sum()
    return proven


def _right(logits: Tensor, labels: Tensor) -> Tensor:
    return (predicted(logits) == labels).sum().float()

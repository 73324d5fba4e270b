"""Catastrophic overfitting: a hardening that learns its own attack by heart, and falls to every other one.

Wong, Rice and Kolter 2020 (arXiv 2001.03994) saw it: from one epoch to the next the network withstands the single step
that it is trained with, and nothing else. Two signs are watched: a probe with ten steps of PGD on held-out images, and
the share of training images whose loss is lower after the step than before (Lin et al. 2023, arXiv 2310.11465).
"""

import math
from collections.abc import Sequence
from typing import Any

FALLS = 0.2  # of all images: so much lower than the best probe is no chance of 512 images (their 95 % is ± 4 points)
SHARE = 0.25  # of what is withstood in training; robust overfitting alone leaves half
ABNORMAL = 0.2  # of the training images


def sound(loss: float, epoch: int, learning_rate: float) -> None:
    """ValueError, before anything of that epoch (counted from 0) is saved, where the loss is no number any more."""
    if not math.isfinite(loss):
        kept = f"the state after epoch {epoch} is kept" if epoch else "nothing is kept"
        raise ValueError(
            f"the loss is no longer finite in epoch {epoch + 1}: try a learning rate below {learning_rate:g}; {kept}"
        )


def alarm(history: Sequence[dict[str, Any]], same_eps: bool = True) -> str | None:
    """Why the last epoch is not to be trusted, in one line; None where nothing speaks against it.

    same_eps: the method attacks at the eps of the probe. What a blend shows at half of it may well be withstood there.
    """
    last = history[-1]
    if "validation_robust" not in last:
        return None
    probe, seen = last["validation_robust"], last["accuracy"]
    best = max((line["validation_robust"] for line in history[:-1]), default=0.0)
    if best - probe > FALLS:
        return f"robust validation accuracy fell from {best:.1%} to {probe:.1%}"
    if same_eps and seen > FALLS and probe < SHARE * seen and last.get("growth", 1.0) >= 1:
        return f"{seen:.1%} of the training images withstand the method, {probe:.1%} of the validation images PGD"
    if last.get("abnormal", 0.0) > ABNORMAL and best - probe > FALLS / 4:
        return f"the loss of {last['abnormal']:.1%} of the images was lower after the step than before it"
    return None

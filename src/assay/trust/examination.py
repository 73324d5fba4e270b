"""All checks of one method on the same images."""

from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim, device_of
from assay.chance import Draws
from assay.data import ImageSet
from assay.explain import Explanation
from assay.spec import Call
from assay.trust import AGAIN, CHECKS, Arrays, Case
from assay.trust.curves import STEPS
from assay.trust.randomisation import STAGES, stage_names
from assay.trust.stability import NOISE, TIMES

ENOUGH = 32  # images: the interval of the area is then about ± 0.05, and it takes seconds
ASKED = ENOUGH + AGAIN * (STAGES + TIMES)  # images of which the method is asked for a map, at most

Known = dict[tuple[str, bytes], np.ndarray]


def enough(chosen: ImageSet, everything: ImageSet) -> ImageSet:
    """The images that the checks look at: those chosen, then others of the same data, until there are ENOUGH."""
    place = {number: row for row, number in enumerate(everything.index.tolist())}
    rows = [place[number] for number in chosen.index.tolist()]
    others = everything.first(min(len(everything), ENOUGH + len(rows))).index.tolist()
    rows += [place[number] for number in others if place[number] not in set(rows)]
    return everything.rows(torch.tensor(rows[:ENOUGH]))


def examine(victim: Victim, call: Call, images: ImageSet, known: Known | None = None) -> tuple[Arrays, dict[str, Any]]:
    """The numbers of every check, a row for each image, and how they came to be.

    known keeps what is the same for another method on the same images.
    """
    device = device_of(victim.classifier)
    pixels, labels = images.pixels(device), images.labels.to(device)
    found: Explanation = call(victim, pixels, labels)
    assert found.explained is not None, f"{call} does not say which class it explains"
    case = Case(
        victim, call, pixels, found.explained, found, Draws(0, images.index.to(device)), {} if known is None else known
    )
    arrays: Arrays = {
        "index": images.index.numpy(),
        "explained": found.explained.cpu().numpy(),
        "probability": case.probability(pixels).cpu().numpy(),
    }
    for name in CHECKS:
        arrays |= CHECKS[name](case)
    told = {"n": len(images), "again": min(AGAIN, len(images)), "steps": STEPS, "noise": NOISE}
    return arrays, told | {"stages": stage_names(victim.classifier, pixels)}

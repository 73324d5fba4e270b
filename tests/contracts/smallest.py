"""What an attack must be able to do that looks for the smallest change: find it, whatever the scale of logits."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from assay.adversary.goal import untargeted
from assay.spec import Call
from tests.contracts.geometry import LENGTH, flat
from tests.contracts.play import facts, labels_of, play, threat
from tests.contracts.power import HONEST
from tests.contracts.problems import SHAPES, Problem, problem


def check_finds_the_smallest_change(call: Call) -> None:
    """To its factor, without having been told an eps; and what wins with less than can be is a lie."""
    for norm in _promised(call):
        for seed, (shape, classes) in enumerate([(SHAPES[0], 2), (SHAPES[1], 3)]):
            _all_smallest(call, norm, problem(norm, shape, classes, seed + 20), "as it is")


def check_the_scale_of_logits_does_not_matter(call: Call) -> None:
    """Logits shifted by ±50 and multiplied by 1/50 and 200 have the same boundaries, and changes the same size."""
    for norm in _promised(call):
        case = problem(norm, SHAPES[0], 3, 30)
        for times, more in ((1, 50), (1, -50), (1 / 50, 0), (200, 0)):
            other = replace(case, classifier=_rescaled(case.classifier, times, more))
            _all_smallest(call, norm, other, f"of logits × {times:g} + {more}")


def check_black_and_white_pixels_move(call: Call) -> None:
    """From 0 and from 1 there is one way only, and it is open."""
    for norm in _promised(call):
        case = problem(norm, SHAPES[0], 2, 0)
        corners = ((case.images == 0) | (case.images == 1)).flatten(1).all(1).numpy()
        _all_smallest(call, norm, case.rows(corners), "of black and white images")


def _promised(call: Call) -> list[str]:
    return list(facts(call).oracle_factor or {}) if facts(call).kind == "minimum" else []


def _rescaled(classifier: nn.Module, times: float, more: float) -> nn.Module:
    other = deepcopy(classifier)
    with torch.no_grad():
        other[1].weight *= times
        other[1].bias.copy_(other[1].bias * times + more)
    return other


def _all_smallest(call: Call, norm: str, case: Problem, which: str) -> None:
    case = case.rows(np.isfinite(case.radius))
    assert len(case.radius) >= 3
    points = play(call, case.classifier, case.images, untargeted(case.labels), threat(norm, 1.0)).points
    factor = (facts(call).oracle_factor or {})[norm]
    standing = (labels_of(case.classifier, points) == case.labels).sum()
    assert not standing, f"{norm}: {standing} of {len(points)} images {which} not broken at all"
    found = LENGTH[norm](flat(points) - flat(case.images)) / case.radius
    assert (found <= factor).all(), (
        f"{norm}: {found.max():.3f} × the smallest change {which}, where {factor} is promised"
    )
    assert (found >= HONEST).all(), f"{norm}: {found.min():.3f} × the smallest change {which}, less than there is"

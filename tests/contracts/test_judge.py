"""The judge believes nobody, and repairs nothing."""

import numpy as np
import pytest
import torch

from assay.adversary.goal import targeted, untargeted
from assay.adversary.threat import l2, linf
from assay.adversary.victim import Victim
from assay.doctor.linear import linear
from assay.evaluate.judge import judge
from tests.contracts.worlds import Brittle

BRIGHT = linear(np.stack([-np.ones(4), np.ones(4)]), np.array([2.0, -2.0]))  # class 1 where the mean is above a half
DARK = torch.full((1, 1, 2, 2), 0.4)


def verdict_on(points, threat=None, goal=None, kind="budget", classifier=BRIGHT, images=DARK):
    goal = untargeted(torch.zeros(len(images), dtype=torch.int64)) if goal is None else goal
    with Victim(classifier, micro_batch=4) as victim:
        return judge(victim, images, goal, threat or linf(0.2), points, kind).verdict.tolist()


def test_a_point_that_fools_within_eps_is_broken():
    assert verdict_on(DARK + 0.15) == ["broken"]


def test_a_point_that_does_not_fool_is_robust():
    assert verdict_on(DARK + 0.05) == ["robust"]


def test_a_point_beyond_eps_is_a_fault_of_an_attack_with_a_budget():
    assert verdict_on(DARK + 0.21) == ["fault"]
    assert verdict_on(DARK + 0.15, l2(0.29)) == ["fault"]


def test_a_point_beyond_eps_is_no_success_of_an_attack_that_looks_for_the_smallest():
    assert verdict_on(DARK + 0.21, kind="minimum") == ["robust"]
    assert verdict_on(DARK + 0.15, kind="minimum") == ["broken"]


@pytest.mark.parametrize("pixel", [-1e-6, 1.000001, torch.nan, torch.inf])
@pytest.mark.parametrize("kind", ["budget", "minimum", "control"])
def test_a_pixel_that_is_none_is_a_fault(pixel, kind):
    points = DARK + 0.15
    points[0, 0, 1, 1] = pixel
    assert verdict_on(points, linf(1.0), kind=kind) == ["fault"]


@pytest.mark.parametrize("shape", [(1, 1, 2, 3), (2, 1, 2, 2), (0, 1, 2, 2), (1, 2, 2)])
def test_points_of_another_shape_are_a_fault(shape):
    assert verdict_on(torch.zeros(shape)) == ["fault"]


def test_an_answer_of_nan_is_a_fault():
    images = torch.full((1, 1, 4, 6), 0.5)
    assert verdict_on(images + 0.01, images=images, classifier=Brittle()) == ["fault"]


def test_a_target_is_reached_by_its_class_alone():
    toward = [targeted(torch.tensor([target])) for target in (0, 1)]
    assert [verdict_on(DARK + 0.15, goal=goal) for goal in toward] == [["robust"], ["broken"]]
    assert [verdict_on(DARK + 0.05, goal=goal) for goal in toward] == [["broken"], ["robust"]]


def test_each_image_is_judged_by_its_own_eps():
    images = DARK.expand(2, -1, -1, -1)
    assert verdict_on(images + 0.15, linf(torch.tensor([0.1, 0.2])), images=images) == ["fault", "broken"]


def test_the_table_says_what_was_predicted_how_surely_and_how_far_the_point_is():
    with Victim(BRIGHT, micro_batch=4) as victim:
        found = judge(victim, DARK, untargeted(torch.tensor([0])), l2(1.0), DARK + 0.25)
    assert found.prediction.tolist() == [1]
    assert found.size.tolist() == pytest.approx([0.5])
    assert found.confidence.tolist() == pytest.approx([1 / (1 + np.exp(-1.2))])  # logits ∓0.6


def test_doubles_are_judged_as_the_floats_they_become():
    assert verdict_on((DARK + 0.15).double()) == ["broken"]

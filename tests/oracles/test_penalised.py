"""The penalised walk against its closed form, and against what a penalty is for."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from assay.adversary.goal import targeted, untargeted
from assay.adversary.threat import l2
from assay.adversary.victim import Victim
from assay.attacks.penalised import penalised
from assay.chance import Draws
from tests.contracts.problems import SHAPES, problem


def walk(net, images, goal, attack=penalised, **settings):
    with Victim(net) as victim:
        points = attack(victim, images, goal, l2(), Draws(0, torch.arange(len(images))), **settings)
    return points, torch.stack(victim.curves["cost"]), victim


def logit_of_grey(weights=(1.0, -2.0, 0.5, 0.0)):
    """Class 1's logit is linear, and class 0 always wins: nothing is confirmed, so that the last point is returned."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([[0.0] * 4, list(weights)]))
        net[1].bias.copy_(torch.tensor([9.0, 0.0]))
    return net, torch.full((1, 1, 2, 2), 0.5), targeted(torch.tensor([1]))


def test_it_ends_where_the_penalty_weighs_as_much_as_the_logit():
    """The top of w·δ − β‖δ‖² is w / 2β, clipped to the box."""
    net, images, goal = logit_of_grey()
    points, _, _ = walk(net, images, goal, beta=3.0, steps=200, rate=0.02)
    wanted = (torch.tensor([1.0, -2.0, 0.5, 0.0]) / 6).reshape(1, 1, 2, 2)
    torch.testing.assert_close(points - images, wanted, rtol=0, atol=1e-5)
    points, _, _ = walk(net, images, goal, beta=1.0, steps=400, rate=0.02)
    torch.testing.assert_close(points.flatten(), torch.tensor([1.0, 0.0, 0.75, 0.5]), rtol=0, atol=1e-5)


def check_the_cost_rises(learnt, attack=penalised):
    net, images, labels = learnt
    _, cost, _ = walk(net, images, targeted((labels + 3) % 10), attack, beta=0.5, steps=60, rate=2e-3)
    assert cost.shape == (60, len(images))
    rising = (cost.diff(dim=0) > -1e-4).float().mean()
    assert rising > 0.99, f"the cost rises in {rising:.2f} of the steps"
    assert (cost[-1] > cost[0]).all()


def test_the_cost_rises(learnt):
    check_the_cost_rises(learnt)


def check_a_larger_beta_keeps_it_nearer(attack=penalised):
    """Toward a class that is out of reach the last point is returned: the whole way that the penalty lets it go."""
    net, images, goal = logit_of_grey()
    sizes = [
        float((walk(net, images, goal, attack, beta=beta, steps=100, rate=0.05)[0] - images).norm())
        for beta in (0.0, 2.0, 4.0, 8.0)
    ]
    assert all(near < far for far, near in pairwise(sizes)), f"lengths {sizes} for a rising beta"


def test_a_larger_beta_keeps_it_nearer():
    check_a_larger_beta_keeps_it_nearer()


@pytest.mark.parametrize("start", ["image", "noise"])
def test_it_reaches_the_targets_of_the_digits(learnt, start):
    net, images, labels = learnt
    goal = targeted((labels[:64] + 3) % 10)
    points, _, _ = walk(net, images[:64], goal, steps=200, rate=5e-3, start=start)
    assert goal.reached(net(points).argmax(1)).float().mean() > 0.95
    assert ((points >= 0) & (points <= 1)).all()


def test_from_noise_a_strong_penalty_leads_back_to_the_image(learnt):
    net, images, labels = learnt
    goal = targeted((labels[:64] + 3) % 10)
    far, near = (
        (walk(net, images[:64], goal, beta=beta, steps=150, rate=0.01, start="noise")[0] - images[:64])
        .flatten(1)
        .norm(dim=1)
        .mean()
        for beta in (1e-4, 5.0)
    )
    assert near < 0.7 * far


def test_away_from_a_label_of_a_linear_model_it_walks_the_shortest_way():
    """δ stays clip(s · w): the form of the exact smallest change. What is left is the length of a step."""
    case = problem("l2", SHAPES[1], 2, 8)
    case = case.rows(np.isfinite(case.radius))
    points, _, _ = walk(case.classifier, case.images, untargeted(case.labels), steps=1500)
    assert (case.classifier(points).argmax(1) != case.labels).all()
    factor = (points - case.images).flatten(1).norm(dim=1).numpy() / case.radius
    assert (factor > 0.9999).all()
    assert factor.max() < 1.02


def test_of_a_failure_the_last_point_is_returned_and_neither_black_nor_the_image():
    net, images, goal = logit_of_grey()
    points, _, victim = walk(net, images, goal, steps=20, rate=0.01)
    assert (points != images).any()
    assert points.amax() > 0.5
    assert (victim.forwards, victim.backwards) == (21, 20)


# Planted faults


def test_a_penalty_with_the_wrong_sign_is_caught():
    def drawn_away(*given, beta, **settings):
        return penalised(*given, beta=-beta, **settings)

    with pytest.raises(AssertionError, match="for a rising beta"):
        check_a_larger_beta_keeps_it_nearer(drawn_away)


def test_steps_that_are_too_long_are_caught(learnt):
    def leaping(*given, rate, **settings):
        return penalised(*given, rate=1000 * rate, **settings)

    with pytest.raises(AssertionError, match="the cost rises in"):
        check_the_cost_rises(learnt, leaping)

"""pgd with momentum and schedule, and apgd: what their papers promise, on a network that has learnt the digits."""

import math

import pytest
import torch
from torch import nn

from assay.adversary.goal import targeted, untargeted
from assay.adversary.norms import unit
from assay.adversary.search import Search
from assay.adversary.threat import l1, l2, linf
from assay.adversary.victim import Victim
from assay.attacks import ATTACKS, apgd  # the files
from assay.chance import Draws
from assay.spec import read
from tests.contracts.contract import CHECKS
from tests.contracts.worlds import Flat, chosen

THREATS = [linf(0.1), l2(0.8), l1(2.5)]
VARIANTS = [
    "pgd(momentum=1, schedule='cosine')",
    "apgd(steps=20, loss='dlr', targets=2)",
]
OF_POWER = [name for name, check in CHECKS.items() if check.__module__.endswith(("power", "limits"))]


@pytest.mark.parametrize("check", OF_POWER)
@pytest.mark.parametrize("text", VARIANTS)
def test_a_variant_can_do_what_the_attack_can(text, check):
    CHECKS[check](read(text, ATTACKS, "attack"))


class Loud(nn.Module):
    """The same answers, so much louder that the cross-entropy has no gradient left."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, images):
        return self.net(images) * 1e4


def walk(net, text, images, goal, threat):
    with Victim(net) as victim:
        points = read(text, ATTACKS, "attack")(victim, images, goal, threat, Draws(0, torch.arange(len(images))))
        return points, victim


def standing(net, text, images, goal, threat):
    points, _ = walk(net, text, images, goal, threat)
    return int((~goal.reached(net(points).argmax(1))).sum())


def score(net, text, images, goal, threat):
    points, _ = walk(net, text, images, goal, threat)
    assert threat.contains(points, images).all()
    return float(goal.score(net(points).detach()).mean())


def check_apgd_climbs_higher(learnt, threat):
    net, images, labels = learnt
    goal = untargeted(labels, until="end")
    ours, plain = (score(net, f"{name}(steps=20)", images, goal, threat) for name in ("apgd", "pgd"))
    assert ours > plain, f"{threat}: a loss of {ours:.4f}, and {plain:.4f} of pgd"


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_at_equal_steps_apgd_climbs_higher_than_pgd(learnt, threat):
    check_apgd_climbs_higher(learnt, threat)


@pytest.mark.parametrize("threat", THREATS[:2], ids=str)
def test_toward_a_target_too(learnt, threat):
    net, images, labels = learnt
    goal = targeted((labels + 3) % 10, until="end")
    ours, plain = (score(net, f"{name}(steps=20)", images, goal, threat) for name in ("apgd", "pgd"))
    assert ours > plain


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_further_targets_break_no_less(learnt, threat):
    net, images, labels = learnt
    goal = untargeted(labels)
    alone, pgds = (standing(net, text, images, goal, threat) for text in ("apgd(steps=20)", "pgd(steps=20)"))
    many = standing(net, "apgd(steps=20, targets=3)", images, goal, threat)
    assert many <= min(alone, pgds)
    assert alone <= pgds + 2


def test_targets_are_not_for_a_goal_that_has_one(learnt):
    net, images, labels = learnt
    goal = targeted((labels + 1) % 10)
    one, same = (walk(net, f"apgd(steps=9, targets={n})", images, goal, linf(0.1))[0] for n in (0, 3))
    assert torch.equal(one, same)


def check_any_other_class_is_a_success(learnt):
    """On the way to a target that is out of reach any other class will do: and the image is closed."""
    net, images, labels = learnt
    with Victim(net) as victim:
        search = Search(victim, images, untargeted(labels), linf(0.3))
        never = targeted(net(images).argmin(1))
        points = images
        for _ in search.rounds(20):
            points = search.threat.project(points + 0.03 * search.gradient(points, never).sign(), images)
    found = net(search.best).argmax(1)
    assert (search.open | (found != labels)).all(), "closed without a success"
    other = ~search.open & (found != never.classes)
    assert other.any(), "only the target itself counted"


def test_on_the_way_to_a_target_any_other_class_is_a_success(learnt):
    check_any_other_class_is_a_success(learnt)


@pytest.mark.parametrize("loss", ["margin", "dlr"])
def test_loud_logits_hide_nothing_from_margin_and_dlr(learnt, loss):
    net, images, labels = learnt
    text = f"apgd(steps=20, loss={loss!r})"
    quiet, loud = (standing(which, text, images, untargeted(labels), linf(0.1)) for which in (net, Loud(net)))
    assert abs(loud - quiet) <= 1
    assert loud < standing(Loud(net), "apgd(steps=20)", images, untargeted(labels), linf(0.1)) - 20


def test_the_checkpoints_are_the_papers():
    """p = 0, 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99 of 100 steps."""
    assert sorted(apgd.checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


class Hill(nn.Module):
    """Class 1 is likeliest on a hilltop inside the ball, and not even there."""

    def forward(self, images):
        far = (images - 0.53).flatten(1).square().sum(1)
        return torch.stack([1 + far, -far], 1)


def check_apgd_comes_to_the_top(threat):
    images = chosen(4) * 0.04 + 0.48
    goal = untargeted(torch.zeros(4, dtype=torch.int64))
    points, _ = walk(Hill(), "apgd", images, goal, threat)
    apart = (points - 0.53).abs().max()
    assert apart < 0.01, f"{threat}: {apart:.4f} from the top"


@pytest.mark.parametrize("threat", [linf(0.3), l2(1.5)], ids=str)
def test_apgd_comes_to_the_top_of_a_hill(threat):
    check_apgd_comes_to_the_top(threat)


# pgd's momentum


def test_momentum_adds_up_unit_gradients():
    gradient = torch.tensor([[1.0, -3.0], [1e-42, 0.0], [1e38, 3e38], [0.0, 0.0]]).reshape(4, 1, 1, 2)
    found = unit(gradient).reshape(4, 2)
    wanted = torch.tensor([[0.25, -0.75], [1.0, 0.0], [0.25, 0.75], [0.0, 0.0]])
    torch.testing.assert_close(found[[0, 2, 3]], wanted[[0, 2, 3]])
    assert found[1, 0] > 0
    assert unit(torch.full((1, 1, 1, 2), torch.nan)).isnan().all()


class Ledge(nn.Module):
    """Level until the first step has been made, and a slope from there on."""

    def forward(self, images):
        height = (images.flatten(1).mean(1) - 0.5).relu()
        return torch.stack([1 - height, height], 1)


@pytest.mark.parametrize("momentum", [0.5, 1])
def test_an_image_without_a_gradient_is_not_lost(momentum):
    """0 / 0 is no direction, and no NaN that stops an image for good."""
    images = torch.cat([torch.full((1, 1, 2, 2), 0.45), torch.full((1, 1, 2, 2), 0.55)])
    goal = untargeted(torch.zeros(2, dtype=torch.int64), until="end")
    points, _ = walk(Ledge(), f"pgd(momentum={momentum}, random_start=False, steps=9)", images, goal, linf(0.1))
    assert torch.equal(points[0], images[0])
    assert (points[1] > 0.64).all()
    flat = walk(Flat(), f"pgd(momentum={momentum}, steps=9)", chosen(4), untargeted(torch.zeros(4).long()), linf(0.1))
    assert flat[0].isfinite().all()


def test_the_steps_of_a_cosine_shrink(learnt):
    """The path of one pixel, its gradient never turning: the sum of (1 + cos(π k / n)) / 2 · size."""
    image = torch.full((1, 1, 1, 2), 0.1)
    slope = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        slope[1].weight.copy_(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    goal = untargeted(torch.tensor([0]), until="end")
    text = "pgd(steps=6, step_size=0.05, random_start=False, schedule='cosine')"
    points, _ = walk(slope, text, image, goal, linf(0.9))
    wanted = sum((1 + math.cos(math.pi * step / 6)) / 2 * 0.05 for step in range(6))
    torch.testing.assert_close(points - image, torch.full_like(image, wanted))


# Planted faults


@pytest.mark.parametrize("threat", [linf(0.3), l2(1.5)], ids=str)
def test_a_walk_that_never_halves_its_steps_is_caught(threat, monkeypatch):
    monkeypatch.setattr(apgd, "checkpoints", lambda steps: set())
    with pytest.raises(AssertionError, match="from the top"):
        check_apgd_comes_to_the_top(threat)


def test_a_search_that_counts_the_target_alone_is_caught(learnt, monkeypatch):
    def gradient(self, points, climbed=None):
        own, self.goal = self.goal, climbed or self.goal
        try:
            return honest(self, points)
        finally:
            self.goal = own

    honest = Search.gradient
    monkeypatch.setattr(Search, "gradient", gradient)
    with pytest.raises(AssertionError, match="only the target itself counted"):
        check_any_other_class_is_a_success(learnt)

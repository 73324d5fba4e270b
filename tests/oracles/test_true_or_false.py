"""Four sentences about FGSM and PGD, each shown by running it: what changes, what does not, where it leads."""

import pytest
import torch

from assay.adversary.goal import targeted, untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim
from assay.attacks.fgsm import fgsm
from assay.attacks.pgd import pgd
from assay.chance import Draws
from tests.contracts.worlds import chosen, small_net

EPS = 0.1
DRAWS = Draws(0, torch.arange(6))


def attacked(attack, goal_of, steps=1):
    """The network, the images, and the points that the attack reached, a step more each time."""
    net, images = small_net().eval(), chosen(6)
    with Victim(net) as victim:
        goal = goal_of(victim.labels(images))
        ways = [{"steps": count} for count in range(1, steps + 1)] if attack is pgd else [{}]
        return net, images, [attack(victim, images, goal, linf(EPS), DRAWS, **way) for way in ways]


@pytest.mark.parametrize("attack", [fgsm, pgd])
def test_the_parameters_do_not_change(attack):
    before = {name: value.clone() for name, value in small_net().state_dict().items()}
    net, _, _ = attacked(attack, untargeted)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("attack", [fgsm, pgd])
def test_the_pixels_do(attack):
    _, images, points = attacked(attack, untargeted)
    assert (points[-1] != images).flatten(1).any(1).all()


def test_fgsm_can_be_targeted():
    """It then climbs toward the target: the target's probability rises on every image."""
    net, images, points = attacked(fgsm, lambda labels: targeted((labels + 1) % 3))
    targets = (net(images).argmax(1) + 1) % 3
    rows = torch.arange(len(images))
    assert (net(points[-1]).softmax(1)[rows, targets] > net(images).softmax(1)[rows, targets]).all()


def test_pgd_never_leaves_the_ball():
    """Not at any step on the way."""
    _, images, points = attacked(pgd, untargeted, steps=12)
    assert all(linf(EPS).contains(each, images).all() for each in points)

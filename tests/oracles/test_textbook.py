"""Our loops against the textbook's, written plainly, to the bit; and against torchattacks, where it is installed."""

import importlib.util

import pytest
import torch
import torch.nn.functional as F

from assay.adversary.goal import targeted, untargeted
from assay.adversary.threat import l2, linf
from assay.adversary.victim import Victim
from assay.attacks import ATTACKS
from assay.chance import Draws

EPS, STEPS, STEP_SIZE = 0.1, 12, 0.02


def textbook(net, images, labels, sign=1, until=STEPS):
    """Madry et al.'s own loop: a step along the sign, then np.clip to the ball and to the pixels."""
    points = images.clone()
    for _ in range(until):
        points.requires_grad_()
        loss = sign * F.cross_entropy(net(points), labels)
        (gradient,) = torch.autograd.grad(loss, points)
        points = points.detach() + STEP_SIZE * gradient.sign()
        points = points.clamp(images - EPS, images + EPS).clamp(0, 1)
    return points


def textbook_l2(net, images, labels):
    """The same in a ball: steps of one length, and a projection by division; the pixels clipped after it."""
    points = images.clone()
    for _ in range(STEPS):
        points.requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(net(points), labels, reduction="sum"), points)
        points = points.detach() + STEP_SIZE * gradient / gradient.flatten(1).norm(dim=1)[:, None, None, None]
        delta = points - images
        points = images + delta * (EPS / delta.flatten(1).norm(dim=1)[:, None, None, None]).clamp(max=1)
    return points.clamp(0, 1)


def torchattacks_pgd(net, images, labels):
    import torchattacks

    return torchattacks.PGD(net, eps=EPS, alpha=STEP_SIZE, steps=STEPS, random_start=False)(images, labels)


REFERENCES = [textbook, *([torchattacks_pgd] if importlib.util.find_spec("torchattacks") else [])]


def ours(learnt, name, goal, threat=None, **settings):
    net, images, _ = learnt
    if name == "pgd":
        settings["random_start"] = False
    with Victim(net, micro_batch=len(images)) as victim:
        draws = Draws(0, torch.arange(len(images)))
        return ATTACKS[name](victim, images, goal, threat or linf(EPS), draws, **settings)


@pytest.mark.parametrize("name", ["pgd", "iterated_fgsm"])
@pytest.mark.parametrize("steps", [1, 5, STEPS])
def test_to_the_end_our_loop_is_the_textbooks_to_the_bit(learnt, name, steps):
    net, images, labels = learnt
    points = ours(learnt, name, untargeted(labels, until="end"), steps=steps, step_size=STEP_SIZE)
    assert torch.equal(points, textbook(net, images, labels, until=steps))


@pytest.mark.parametrize("name", ["pgd", "iterated_fgsm"])
def test_toward_a_target_our_loop_is_the_textbooks_to_the_bit(learnt, name):
    net, images, labels = learnt
    targets = (labels + 3) % 10
    points = ours(learnt, name, targeted(targets, until="end"), steps=STEPS, step_size=STEP_SIZE)
    assert torch.equal(points, textbook(net, images, targets, sign=-1))


def test_fgsm_is_the_textbooks_to_the_bit(learnt):
    net, images, labels = learnt
    watched = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(F.cross_entropy(net(watched), labels), watched)
    points = (images + EPS * gradient.sign()).clamp(0, 1)
    assert torch.equal(ours(learnt, "fgsm", untargeted(labels, until="end")), points)


def test_in_l2_our_loop_goes_where_the_textbooks_goes_or_further(learnt):
    """The textbook clips what it has projected, and so leaves a part of eps unspent; the loss of ours is higher."""
    net, images, labels = learnt
    points = ours(learnt, "pgd", untargeted(labels, until="end"), l2(EPS), steps=STEPS, step_size=STEP_SIZE)
    plain = textbook_l2(net, images, labels)
    ahead = F.cross_entropy(net(points), labels) - F.cross_entropy(net(plain), labels)
    assert 0 <= ahead < 0.05
    grey = 0.25 + images / 2  # nothing to clip: then both are one
    with Victim(net, micro_batch=128) as victim:
        draws, goal = Draws(0, torch.arange(128)), untargeted(labels, until="end")
        settings = {"steps": STEPS, "step_size": STEP_SIZE, "random_start": False}
        points = ATTACKS["pgd"](victim, grey, goal, l2(EPS), draws, **settings)
    torch.testing.assert_close(points, textbook_l2(net, grey, labels), rtol=0, atol=1e-4)


@pytest.mark.parametrize("reference", REFERENCES)
def test_accuracy_and_loss_are_the_references(learnt, reference):
    net, images, labels = learnt
    goal = untargeted(labels, until="end")
    mine = ours(learnt, "pgd", goal, steps=STEPS, step_size=STEP_SIZE)
    theirs = reference(net, images, labels)
    with torch.no_grad():
        (my_logits, my_loss), (logits, loss) = (
            (net(points), F.cross_entropy(net(points), labels)) for points in (mine, theirs)
        )
    assert (my_logits.argmax(1) == labels).sum() == (logits.argmax(1) == labels).sum()
    torch.testing.assert_close(my_loss, loss, rtol=1e-4, atol=1e-4)


def test_leaving_when_fooled_breaks_at_least_what_the_end_breaks(learnt):
    net, _, labels = learnt
    rest, end = (
        net(ours(learnt, "pgd", untargeted(labels, until=until), steps=STEPS, step_size=STEP_SIZE)).argmax(1) != labels
        for until in ("fooled", "end")
    )
    assert 0.1 < end.float().mean() < 0.95  # neither nothing nor all
    assert (rest | ~end).all()

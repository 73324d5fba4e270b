"""A victim answers in one fixed shape, counts, and lets go of its classifier whatever happens."""

import contextlib

import pytest
import torch
from torch import nn

from assay.adversary.goal import untargeted
from assay.adversary.victim import ACCESS, Victim, predicted
from tests.contracts.worlds import chosen, small_net

GOAL = untargeted(torch.zeros(10, dtype=torch.int64))


class Shapes(nn.Module):
    """It remembers how many images it has been shown at once."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        self.seen.append(len(images))
        return images.flatten(1)[:, :3]


def test_every_batch_has_the_same_shape():
    shapes = Shapes()
    with Victim(shapes, micro_batch=4) as victim:
        for n in (0, 1, 4, 10):
            assert victim.logits(chosen(10)[:n]).shape == (n, 3)
            victim.gradient(chosen(10)[:n], GOAL[:n])
    assert set(shapes.seen) == {4}


def test_padding_is_not_counted():
    with Victim(Shapes(), micro_batch=4) as victim:
        victim.logits(chosen(10))
        victim.labels(chosen(10)[:1])
        victim.gradient(chosen(10)[:3], GOAL[:3])
    assert (victim.forwards, victim.backwards) == (14, 3)


def test_the_gradient_is_that_of_the_score_of_each_image():
    images, net = chosen(10), small_net()
    with Victim(net, micro_batch=4) as victim:
        logits, gradient = victim.gradient(images, GOAL)
        watched = images.clone().requires_grad_()
        plain = net(watched)
        GOAL.score(plain).sum().backward()
    torch.testing.assert_close(logits, plain.detach())
    torch.testing.assert_close(gradient, watched.grad)


@pytest.mark.parametrize("access", ACCESS)
def test_only_what_is_granted_is_answered(access):
    questions = {
        "labels": lambda victim: victim.labels(chosen(2)),
        "scores": lambda victim: victim.logits(chosen(2)),
        "gradients": lambda victim: victim.gradient(chosen(2), GOAL[:2]),
    }
    with Victim(small_net(), access=access, micro_batch=4) as victim:
        for question, ask in questions.items():
            if ACCESS.index(question) <= ACCESS.index(access):
                ask(victim)
            else:
                with pytest.raises(PermissionError, match=f"asked for {question}.*only {access}"):
                    ask(victim)


@pytest.mark.parametrize("logits", [[torch.nan, 5.0, 1.0], [torch.inf, 0.0, 0.0], [-torch.inf, 0.0, 9.0]])
def test_logits_that_are_not_finite_predict_nothing(logits):
    assert predicted(torch.tensor([logits, [0.0, 2.0, 1.0]])).tolist() == [-1, 1]


def test_bfloat16_is_for_the_search_alone():
    net, images = small_net(), chosen(10)
    with Victim(net, micro_batch=4) as exact, Victim(net, precision="bfloat16", micro_batch=4) as rough:
        assert torch.equal(exact.logits(images), rough.logits(images))
        assert torch.equal(exact.labels(images), rough.labels(images))
        logits, gradient = rough.gradient(images, GOAL)
        assert logits.dtype == gradient.dtype == torch.float32
        assert not torch.equal(logits, exact.logits(images))


def test_parts_are_in_eval_mode_and_frozen_inside_and_as_they_were_after():
    net = small_net()
    before = [part.training for part in net.modules()], [one.requires_grad for one in net.parameters()]
    inside = None
    with contextlib.suppress(KeyError), Victim(net):
        inside = [part.training for part in net.modules()], [one.requires_grad for one in net.parameters()]
        raise KeyError
    assert inside is not None
    assert not any(inside[0] + inside[1])
    assert ([part.training for part in net.modules()], [one.requires_grad for one in net.parameters()]) == before
    assert len(set(before[0])) == len(set(before[1])) == 2  # both kinds were there to be mixed up

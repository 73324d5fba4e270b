"""Side by side on threads: the same bits, and nothing left behind."""

import copy

import pytest
import torch
from torch import nn

from assay import Draws, Victim, linf, untargeted
from assay.adversary.crew import crew_for
from assay.attacks.pgd import pgd
from assay.models.classifier import build
from tests.contracts.worlds import chosen


@pytest.fixture
def cores(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)


def network():
    about = {"architecture": "mnist_cnn", "shape": (1, 8, 8), "classes": ["a", "b", "c"], "mean": [0.5], "std": [0.5]}
    return build(about).eval()


class Keeping(nn.Module):
    """Keeps what it needs later in itself, as many networks do: threads that shared it would mix their images."""

    def forward(self, images):
        self.seen = images.mean((1, 2, 3))
        torch.ones(200, 200) @ torch.ones(200, 200)  # time for another thread to come in between
        return torch.stack([self.seen, images.amax((1, 2, 3)) - self.seen], 1)


class Drawing(nn.Module):
    def forward(self, images):
        return images.flatten(1)[:, :2] + torch.rand(len(images), 2)


class Uncopyable(nn.Module):
    def __deepcopy__(self, memo):
        raise TypeError("no")

    def forward(self, images):
        return images.flatten(1)[:, :2]


def test_a_crew_computes_the_same_bits(monkeypatch):
    images, net = chosen(16, (1, 8, 8)).repeat(9, 1, 1, 1), network()
    goal, draws = untargeted(torch.zeros(len(images), dtype=torch.int64)), Draws(0, torch.arange(len(images)))
    points = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        with Victim(net) as victim:
            points.append(pgd(victim, images, goal, linf(0.1), draws, steps=3))
            asked = victim.forwards, victim.backwards
            assert (victim._crew is not None) == (threads > 1)
    assert torch.equal(*points)
    assert asked[1] <= 3 * len(images)


def test_who_sets_the_shape_of_a_pass_has_it_made_in_one_piece(cores):
    with Victim(network(), micro_batch=4) as victim:
        victim.logits(chosen(4, (1, 8, 8)))
        assert victim._crew is None


def test_a_network_that_keeps_things_in_itself_is_copied(cores):
    net, images = Keeping().eval(), torch.rand(64, 1, 8, 8)
    crew = crew_for(net, images[:8])
    assert crew is not None
    parts = crew.map(lambda module, part: module(part), images.split(2))
    assert torch.equal(torch.cat(parts), torch.cat([net(part) for part in images.split(2)]))


def test_copies_share_the_weights(cores):
    net = network()
    crew = crew_for(net, chosen(2, (1, 8, 8)))
    assert crew is not None
    own = {id(tensor) for tensor in (*net.parameters(), *net.buffers())}
    other = crew.copies.get()
    assert other is not net
    assert {id(tensor) for tensor in (*other.parameters(), *other.buffers())} == own


@pytest.mark.parametrize("net", [Drawing(), Uncopyable()], ids=["draws", "cannot be copied"])
def test_who_would_not_compute_the_same_has_no_crew(net, cores):
    assert crew_for(net, torch.rand(4, 1, 8, 8)) is None


def test_an_error_in_a_thread_comes_out(cores):
    net = copy.deepcopy(Keeping())
    crew = crew_for(net, torch.rand(2, 1, 8, 8))
    assert crew is not None
    with pytest.raises(ValueError, match="planted"):
        crew.map(lambda module, part: (_ for _ in ()).throw(ValueError("planted")), [1, 2])
    assert crew.copies.qsize() == 3

"""How the checks work: against the same by hand, the same every time, and nothing left on the model."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from assay.adversary.victim import Victim
from assay.chance import Draws
from assay.explain import EXPLAIN
from assay.explain.occlusion import occlusion
from assay.explain.saliency import saliency
from assay.models import MODELS
from assay.quality import area, interval
from assay.spec import Call
from assay.trust import CHECKS
from assay.trust.curves import moved
from assay.trust.examination import ENOUGH, enough, examine
from assay.trust.maps import alike, on_pixels, places
from assay.trust.randomisation import stages
from tests.explain.conftest import classifier, small
from tests.trust.planted import SIDE, net, pictures, same

SALIENCY = Call("saliency", saliency, {})


def vit():
    return classifier(MODELS["vit"]((1, SIDE, SIDE), 3, width=16, depth=2, heads=2, patch=4), (1, SIDE, SIDE))


class Own(nn.Module):
    """A user's network: a bare parameter, a layer used twice, one that is never used, and a list of no modules."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1, 1, SIDE, SIDE))
        self.twice = nn.Conv2d(1, 1, 3, padding=1)
        self.idle = nn.Linear(2, 2)
        self.norm = nn.BatchNorm2d(1)
        self.last = nn.Linear(SIDE * SIDE, 3)

    def forward(self, images):
        return self.last(self.norm(self.twice(self.twice(images * self.gain).relu())).flatten(1))


@pytest.mark.parametrize("make", [net, lambda: small(size=SIDE), vit, lambda: classifier(Own(), (1, SIDE, SIDE))])
def test_the_model_comes_back_bit_for_bit_and_the_same_numbers_every_time(make):
    torch.manual_seed(0)
    model = make()
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    tensors = [id(tensor) for tensor in (*model.parameters(), *model.buffers())]
    found = []
    for _ in range(2):
        with Victim(model) as victim:
            found.append(examine(victim, SALIENCY, pictures(9)))
    assert same(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    after = model.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert [id(tensor) for tensor in (*model.parameters(), *model.buffers())] == tensors
    assert all(part.training for part in model.modules())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert not any(part._forward_pre_hooks or part._forward_hooks for part in model.modules())


def test_the_weights_come_back_even_if_the_method_fails():
    model = net()
    before = model.net[1].weight.clone()

    def fails(victim, images, labels, *, of="predicted"):
        if of == "label":
            raise ValueError("no")
        return saliency(victim, images, labels)

    fails.facts = saliency.facts
    with Victim(model) as victim, pytest.raises(ValueError, match="no"):
        examine(victim, Call("fails", fails, {}), pictures(9))
    assert torch.equal(model.net[1].weight, before)


def test_the_cascade_begins_at_the_logits_and_takes_every_layer_once():
    model = classifier(Own(), (1, SIDE, SIDE)).eval()
    found = stages(model, pictures(1).pixels())
    assert found[0] == [model.net.last]
    flat = [module for stage in found for module in stage]
    assert len(flat) == len(set(flat)) == 5
    assert flat.index(model.net.norm) < flat.index(model.net.twice)
    model = vit().eval()
    flat = [module for stage in stages(model, pictures(1).pixels()) for module in stage]
    holding = [module for module in model.modules() if any(True for _ in module.parameters(recurse=False))]
    assert set(flat) == set(holding)
    assert isinstance(flat[0], nn.Linear)
    assert flat[0].out_features == 3


@pytest.mark.parametrize(("patch", "stride", "size"), [(3, 2, (8, 9)), (8, 1, (8, 8)), (2, 3, (9, 7)), (1, 1, (5, 4))])
def test_a_map_of_squares_on_pixels_is_a_plain_loop(patch, stride, size):
    rows, columns = ((side - patch) // stride + 1 for side in size)
    values = torch.rand(2, rows, columns, generator=torch.Generator().manual_seed(1))
    found = on_pixels(values, size, (patch, stride))
    for y in range(size[0]):
        for x in range(size[1]):
            over = [
                values[:, row, column]
                for row in range(rows)
                for column in range(columns)
                if 0 <= y - row * stride < patch and 0 <= x - column * stride < patch
            ]
            wanted = torch.stack(over).mean(0) if over else values.flatten(1).amin(1)
            wanted = values[:, y, x] if (rows, columns) == size else wanted  # as large as the image: as it is
            torch.testing.assert_close(found[:, y, x], wanted)


def test_occlusion_says_where_its_values_lie():
    with Victim(net()) as victim:
        images = pictures(2)
        found = occlusion(victim, images.pixels(), images.labels, patch=4, stride=2)
    assert found.window == (4, 2)


def test_rank_correlation_is_scipys_and_constant_maps_are_the_same():
    one, other = torch.rand(3, 5, 5), torch.rand(3, 5, 5).round(decimals=1)
    wanted = [spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(alike(one, other), wanted)
    flat = torch.ones(3, 5, 5)
    assert alike(flat, flat * 2).tolist() == [1, 1, 1]
    assert alike(one, flat).tolist() == [0, 0, 0]
    assert alike(one, one * 7 + 1).min() > 1 - 1e-12


def test_places_are_an_order_and_ties_go_by_chance():
    values = torch.tensor([[[1.0, 3.0], [3.0, 2.0]]])
    ties = torch.tensor([[[0.1, 0.2], [0.9, 0.4]]])
    assert places(values, ties).tolist() == [[[3, 1], [0, 2]]]
    drawn = Draws(0, torch.arange(2)).uniform((4, 4), "ties")
    found = places(torch.zeros(2, 4, 4), drawn)
    assert found.flatten(1).sort(1).values.tolist() == [list(range(16))] * 2
    assert not torch.equal(found[0], found[1])


def test_a_moved_map_holds_the_same_values_far_away():
    own = torch.rand(4, 12, 8)
    found = moved(own, Draws(0, torch.arange(4)), 0)
    assert torch.equal(own.flatten(1).sort(1).values, found.flatten(1).sort(1).values)
    point = torch.zeros(4, 12, 8)
    point[:, 5, 4] = 1
    for place in moved(point, Draws(0, torch.arange(4)), 1).nonzero()[:, 1:]:
        down, across = (place - torch.tensor([5, 4])).abs().tolist()
        assert 3 <= down <= 9
        assert 2 <= across <= 6


def test_the_area_and_the_interval_are_those_of_the_books():
    assert area(np.array([[1.0, 0.0], [1.0, 1.0]])).tolist() == [0.5, 1.0]
    assert area(np.array([[1.0, 0.5, 0.0]])).tolist() == [0.5]
    mean, low, high = interval(np.array([1.0, 2.0, 3.0, 4.0]))
    assert mean == 2.5
    np.testing.assert_allclose([low, high], [2.5 - 2.0542, 2.5 + 2.0542], atol=1e-3)  # 3.1824 · 1.2910 / 2
    assert interval(np.array([2.0])) == (2.0, None, None)


def test_enough_images_are_those_chosen_and_others_of_the_same_data():
    everything = pictures(60)
    chosen = everything.rows(torch.tensor([50, 3]))
    found = enough(chosen, everything)
    assert found.index[:2].tolist() == [50, 3]
    assert len(found) == len(set(found.index.tolist())) == ENOUGH
    assert len(enough(chosen, chosen)) == 2
    assert len(enough(everything, everything)) == ENOUGH


def test_every_method_of_kind_maps_is_judged_and_what_is_known_changes_nothing():
    names = [name for name in EXPLAIN if EXPLAIN[name].facts.kind == "maps"]
    assert {"edges", "occlusion", "random_map", "saliency"} <= set(names)
    assert [name for name in names if EXPLAIN[name].facts.control] == ["edges", "random_map"]
    assert set(CHECKS) == {"completeness", "deletion", "insertion", "randomisation", "stability"}
    known = {}
    with Victim(small(size=SIDE)) as victim:
        for name in names:
            settings = {"patch": 4, "stride": 4} if name == "occlusion" else {}
            method = Call(name, EXPLAIN[name], settings)
            assert same(examine(victim, method, pictures(9), known)[0], examine(victim, method, pictures(9))[0])


def test_controls_know_nothing_of_the_model_and_the_random_one_nothing_of_the_company():
    images = pictures(6)
    with Victim(net()) as one, Victim(small(size=SIDE)) as other:
        for name in ("edges", "random_map"):
            maps = [
                next(iter(EXPLAIN[name](victim, images.pixels(), images.labels).maps.values()))
                for victim in (one, other)
            ]
            assert torch.equal(*maps)
            alone = next(iter(EXPLAIN[name](one, images.pixels()[3:4], images.labels[3:4]).maps.values()))
            assert torch.equal(maps[0][3:4], alone)

"""True maps pass, false ones are named by the right check, and where nothing can be told that is said."""

import pytest
import torch
from torch import nn

from assay.adversary.victim import Victim
from assay.explain.edges import edges
from assay.explain.saliency import saliency
from assay.quality import judge
from assay.spec import Call
from assay.trust.examination import examine
from tests.explain.conftest import classifier, small
from tests.trust.planted import FALSE, SIDE, TRUE, call, gradient, net, pictures, verdicts


def judged(model, method, images):
    with Victim(model) as victim:
        return judge(examine(victim, method, images)[0])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", TRUE)
def test_a_true_map_passes_every_check(name, channels):
    found = judged(net(channels), TRUE[name], pictures(channels=channels))
    assert set(verdicts(found).values()) == {"passed"}, found
    assert len(found["checks"]) == (5 if name == "exact" else 4)
    assert found["mark"] == "nothing against it"
    assert found["because"] == []


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", FALSE)
def test_a_false_map_is_named_by_the_right_check(name, channels):
    method, failed, passed = FALSE[name]
    found = judged(net(channels), method, pictures(channels=channels))
    said = verdicts(found)
    assert {check for check in said if said[check] == "failed"} >= failed, found
    assert all(said[check] == "passed" for check in passed), found
    assert found["mark"] == "do not trust"
    assert {line.partition(":")[0] for line in found["because"]} >= failed


def test_an_edge_detector_fails_the_randomisation_whatever_it_finds():
    for model, images in ((net(), pictures()), (small(size=SIDE), pictures())):
        found = judged(model, Call("edges", edges, {}), images)
        assert verdicts(found)["randomisation"] == "failed"
        assert "the model is not in it" in " ".join(found["because"])


def test_high_and_low_swapped_is_said():
    found = judged(net(), FALSE["inverted"][0], pictures())
    assert all("may be the unimportant" in line for line in found["because"])


def test_a_model_that_knows_nothing_gives_no_evidence_and_few_images_neither():
    blind = classifier(nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 3)), (1, SIDE, SIDE))
    blind.net[1].weight.data.mul_(1e-3)
    found = judged(blind, Call("saliency", saliency, {}), pictures())
    assert verdicts(found)["deletion"] == verdicts(found)["insertion"] == "no evidence"
    assert found["mark"] == "not enough evidence"
    assert "too little to tell" in found["because"][0]
    for n in (1, 7):
        found = judged(net(), Call("saliency", saliency, {}), pictures(n))
        assert set(verdicts(found).values()) == {"no evidence"}
        assert found["because"][0].endswith(f"{n} image{'s' if n > 1 else ''}, at least 8 wanted")
    one = judged(net(), Call("saliency", saliency, {}), pictures(1))["checks"][0]
    assert one["low"] is one["high"] is None


def test_images_of_nothing_give_no_evidence():
    images = pictures()
    images.images.fill_(128)
    said = verdicts(judged(net(), TRUE["exact"], images))
    assert said["deletion"] == said["insertion"] == said["completeness"] == "no evidence"


def test_a_map_of_less_than_the_image_is_judged_where_it_lies():
    coarse = call(lambda v, x, c: nn.functional.avg_pool2d(gradient(v, x, c).abs().amax(1)[:, None], 4)[:, 0])
    found = judged(net(), coarse, pictures())
    assert verdicts(found)["deletion"] == verdicts(found)["insertion"] == "passed"
    assert torch.isfinite(torch.tensor([one["value"] for one in found["checks"]])).all()

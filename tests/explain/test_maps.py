"""What every method of kind "maps" owes: one suite over the whole folder."""

import gc
import inspect
import resource

import pytest
import torch
from torch import nn

from assay.adversary.victim import Victim
from assay.cli.explain import METHODS
from assay.explain import EXPLAIN
from tests.explain.conftest import classifier, pixels, small
from tests.explain.networks import HOUSE, YOURS, house, yours

MAPS = [name for name in EXPLAIN if EXPLAIN[name].facts.kind == "maps"]
QUICK = {"samples": 3, "steps": 3, "patch": 4, "stride": 3}  # settings that a method may have
WITH_PLACES = [name for name in HOUSE if not name.startswith("mlp")]


def call(name, victim, images, labels, **settings):
    """The method with few samples."""
    known = inspect.signature(EXPLAIN[name]).parameters
    return EXPLAIN[name](victim, images, labels, **{key: QUICK[key] for key in QUICK if key in known} | settings)


def same(one, other):
    assert list(one.maps) == list(other.maps)
    for key in one.maps:
        assert torch.equal(one.maps[key], other.maps[key]), key
    for key in one.numbers:  # the last bit of a logit of so small a network depends on its place in the batch
        assert torch.allclose(one.numbers[key], other.numbers[key], rtol=0, atol=1e-7), key
    assert torch.equal(one.explained, other.explained)


def sound(found, images, classes=3):
    assert found.explained.shape == images.shape[:1]
    assert ((found.explained >= 0) & (found.explained < classes)).all()
    assert "logit of the class" in found.unit or "probability of" in found.unit or "a control" in found.words[0]
    first = next(iter(found.maps.values()))
    assert all(value.shape == first.shape for value in found.maps.values())
    assert len(first) == len(images)
    assert first.dtype == torch.float32
    assert first.isfinite().all()
    assert not first.requires_grad
    assert all(value.shape == images.shape[:1] and value.isfinite().all() for value in found.numbers.values())


def test_help_names_every_method():
    assert list(METHODS) == list(EXPLAIN)
    assert {"saliency", "smoothgrad", "integrated_gradients", "grad_cam", "occlusion"} <= set(MAPS)
    assert all(METHODS.about(name).endswith(".") for name in METHODS)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("architecture", WITH_PLACES)
def test_it_explains_every_model_of_the_house(architecture, channels):
    images, labels = pixels(2, channels, 16)
    with Victim(house(architecture, channels), micro_batch=4) as victim:
        for name in MAPS:
            found = call(name, victim, images, labels)
            sound(found, images)
            assert next(iter(found.maps.values())).abs().max() > 0 or name == "grad_cam"


def test_an_mlp_has_no_places_for_grad_cam():
    images, labels = pixels(2, 1, 16)
    with Victim(house("mlp", 1)) as victim:
        for name in set(MAPS) - {"grad_cam"}:
            sound(call(name, victim, images, labels), images)
        with pytest.raises(ValueError, match=r"^grad_cam: no layer of the model answers with places"):
            call("grad_cam", victim, images, labels)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("kind", YOURS)
@pytest.mark.parametrize("channels", [1, 3])
def test_it_explains_a_users_network_and_leaves_it_as_it_was(name, kind, channels):
    model = yours(kind, channels).train()
    model.net.end.eval()
    frozen = [parameter for number, parameter in enumerate(model.parameters()) if number % 2]
    for parameter in frozen:
        parameter.requires_grad_(False)
    modes = [part.training for part in model.modules()]
    wanted = [parameter.requires_grad for parameter in model.parameters()]
    state = {key: value.clone() for key, value in model.state_dict().items()}
    images, labels = pixels(3, channels)
    copies = images.clone(), labels.clone()
    random = torch.get_rng_state()
    with Victim(model) as victim:
        sound(call(name, victim, images, labels), images)
    assert [part.training for part in model.modules()] == modes
    assert [parameter.requires_grad for parameter in model.parameters()] == wanted
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())
    assert not any(
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks
        for part in model.modules()
    )
    assert torch.equal(images, copies[0])
    assert torch.equal(labels, copies[1])
    assert not images.requires_grad
    assert images.grad is None
    assert torch.equal(torch.get_rng_state(), random)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("channels", [1, 3])
def test_a_map_does_not_depend_on_its_neighbours(name, channels):
    images, labels = pixels(37, channels)
    order = torch.randperm(37, generator=torch.Generator().manual_seed(1))
    with Victim(small(channels)) as victim:
        whole = call(name, victim, images, labels)
        same(whole.rows(order), call(name, victim, images[order], labels[order]))
        same(whole.rows(slice(5, 6)), call(name, victim, images[5:6], labels[5:6]))
        same(whole.rows(slice(30, 37)), call(name, victim, images[30:], labels[30:]))
        same(whole, call(name, victim, images, labels))


@pytest.mark.parametrize("name", MAPS)
def test_it_explains_the_class_that_is_asked_for(seen, name):
    victim, images, _ = seen
    predicted = victim.labels(images)
    labels = (predicted + 1) % 3
    of = {"predicted": predicted, "label": labels, 2: torch.full_like(labels, 2)}
    found = {}
    first = {"layer": 1} if name == "grad_cam" else {}  # behind that of so small a network nothing speaks for a class
    for asked, wanted in of.items():
        found[asked] = call(name, victim, images, labels, of=asked, **first)
        assert torch.equal(found[asked].explained, wanted)
        same(found[asked], call(name, victim, images, wanted, of="label", **first))
    own = next(iter(found[2].maps))
    assert EXPLAIN[name].facts.control == torch.equal(found["label"].maps[own], found["predicted"].maps[own])
    with pytest.raises(ValueError, match=r"^of: class 3 is not there, the model has 3, counted from 0$"):
        call(name, victim, images, labels, of=3)


@pytest.mark.parametrize("name", MAPS)
def test_no_images_are_no_maps(seen, name):
    victim, images, labels = seen
    found = call(name, victim, images[:0], labels[:0])
    assert all(len(value) == 0 for value in (*found.maps.values(), *found.numbers.values()))


class Detached(nn.Module):
    """It gives no gradients."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 8)

    def forward(self, images):
        return self.conv(images.detach()).flatten(1)


@pytest.mark.parametrize("name", [name for name in MAPS if EXPLAIN[name].facts.access == "gradients"])
def test_a_model_without_gradients_is_refused_in_one_line(name):
    with (
        Victim(classifier(Detached())) as victim,
        pytest.raises(ValueError, match=r"^the model has no gradient with respect to its images[^\n]*$"),
    ):
        call(name, victim, *pixels(2))


@pytest.mark.parametrize("name", [name for name in MAPS if not EXPLAIN[name].facts.control])
@pytest.mark.parametrize("of", ["predicted", "label"])
def test_nan_is_refused_in_one_line_and_leaves_no_hook(name, of):
    model = small()
    model.net[3].bias.data[:] = float("nan")
    with Victim(model) as victim, pytest.raises(ValueError, match=r"^[^\n]*gives NaN or infinity for 2 of 2 images$"):
        call(name, victim, *pixels(2), of=of)
    assert not any(part._forward_hooks for part in model.modules())


@pytest.mark.parametrize("name", MAPS)
def test_it_asks_for_no_more_than_it_says(name):
    images, labels = pixels(2)
    access = EXPLAIN[name].facts.access
    with Victim(small(), access=access) as victim:
        call(name, victim, images, labels)
        assert victim.forwards > 0
        assert (victim.backwards > 0) == (access == "gradients")
    less = {"gradients": "scores", "scores": "labels"}[access]
    with Victim(small(), access=less) as victim, pytest.raises(PermissionError, match=f"asked for {access}"):
        call(name, victim, images, labels)


def held():
    """Tensors that are alive, and the largest memory of this process so far, in MiB."""
    gc.collect()
    alive = sum(1 for thing in gc.get_objects() if type(thing) is torch.Tensor)
    return alive, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("calls", [200, pytest.param(1000, marks=pytest.mark.slow)])
def test_memory_is_flat(name, calls):
    images, labels = pixels(2)
    with Victim(small(), micro_batch=4) as victim:
        for _ in range(20):
            call(name, victim, images, labels)
        before, most = held()
        for _ in range(calls):
            call(name, victim, images, labels)
        after, more = held()
    assert after == before
    assert more - most < 8

"""The doctor's word on models: every fault named, every right model left in peace, and as it was before."""

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from assay.chance import seeded
from assay.doctor.findings import Diagnosis
from assay.doctor.mends import OF_MODELS
from assay.doctor.model import CHECKS, class_order, examine_model, pixels
from assay.doctor.patient import Patient
from assay.models import MODELS
from assay.models.classifier import build
from tests.doctor.networks import WRONG, Altered, batch_norm_that_stays_in_train_mode, cases, skilled, with_norm
from tests.doctor.right_networks import RIGHT

UNIT = {"softmax", "detached", "noise", "squeezes", "two_classes_swapped", "eight_outputs", "tuple", "plain"}


def marked(names: Any) -> list[Any]:
    return [name if name in UNIT else pytest.param(name, marks=pytest.mark.slow) for name in names]


def seen(net: nn.Module, **other: Any) -> Diagnosis:
    images, labels = cases()
    return examine_model(net, **{"images": images, "labels": labels, "classes": 10, **other})


@pytest.mark.parametrize("name", marked(WRONG))
def test_a_wrong_model_is_named(name: str) -> None:
    make, names = WRONG[name]
    found = seen(make())
    first = [finding for finding in found.findings if finding.severity != "note"][:1]
    assert first, "nothing found"
    assert first[0].name in names, found.findings
    assert not found.healthy
    assert first[0].effect, "no word of what it did to the number"
    assert first[0].mend == OF_MODELS[first[0].name]
    assert first[0].check in found.checks


@pytest.mark.parametrize("name", marked(RIGHT))
def test_a_right_model_is_left_in_peace(name: str) -> None:
    net, images, labels, classes = RIGHT[name]()
    found = examine_model(net, images, labels, classes)
    assert not found.findings
    assert list(found.checks) == [check.__name__ for check in CHECKS]


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_an_untaught_model_of_this_house_is_left_in_peace(name: str) -> None:
    about = {"architecture": name, "shape": [1, 8, 8], "classes": list("0123456789"), "mean": [0.3], "std": [0.4]}
    assert seen(build(about, seed=1)).healthy


def test_every_name_has_been_seen() -> None:
    """A name that no planted fault bears has never been shown to be right."""
    assert OF_MODELS.keys() - {name for _, names in WRONG.values() for name in names} == set()


def test_one_image_is_enough() -> None:
    images, labels = cases()
    assert seen(skilled(), images=images[:1], labels=labels[:1]).healthy


def test_few_images_of_an_untaught_model_fit_no_order_by_chance() -> None:
    images, labels = cases()
    for seed in range(30):
        with seeded(seed, "weights"):
            net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10)).eval()
        case = Patient(net, images[:16], labels[:16], 10)
        assert class_order(case) == []
        assert pixels(case) == []


def test_without_labels_the_other_faults_are_found_all_the_same() -> None:
    found = seen(Altered(after=lambda logits: logits.softmax(1)), labels=None, classes=None)
    assert [finding.name for finding in found.findings] == ["softmax-output"]


def test_an_effect_tells_the_number() -> None:
    effect = seen(WRONG["softmax"][0]()).findings[0].effect
    assert "pgd leaves" in effect
    assert "square leaves" in effect
    assert "2 outputs for 10 classes: " in seen(Altered(after=lambda x: x[:, :2])).findings[0].effect


def state(net: nn.Module) -> list[Any]:
    tensors = [*net.named_parameters(), *net.named_buffers()]
    kept = [(name, tensor.detach().numpy().tobytes(), tensor.requires_grad) for name, tensor in tensors]
    return [kept, [part.training for part in net.modules()], [parameter.grad for parameter in net.parameters()]]


def chance() -> tuple[Any, ...]:
    """Not Python's own, of which the type checker of these tests draws."""
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()  # type: ignore[index]


def noisy() -> nn.Module:
    def shaken(images: Tensor) -> Tensor:
        return images + 0.1 * torch.rand_like(images) + float(np.random.rand()) + random.random()

    return Altered(shaken)


LEFT: list[Callable[[], nn.Module]] = [skilled, with_norm, batch_norm_that_stays_in_train_mode, noisy]


@pytest.mark.slow
@pytest.mark.parametrize("make", LEFT)
def test_the_model_and_all_chance_are_left_as_they_were(make: Callable[[], nn.Module]) -> None:
    net = make()
    net.train()
    list(net.modules())[-1].training = False
    next(net.parameters()).requires_grad_(False)
    before, drawn = state(net), chance()
    seen(net)
    assert state(net) == before
    assert chance() == drawn


def test_the_images_are_left_as_they_were() -> None:
    images, labels = cases()
    before = images.clone()
    seen(Altered(lambda x: x.mul_(0.5)), images=images, labels=labels)
    assert torch.equal(images, before)


@pytest.mark.slow
def test_the_same_is_found_twice() -> None:
    one, other = (seen(noisy()).describe() | {"seconds": 0} for _ in range(2))
    torch.rand(3)
    assert one == other

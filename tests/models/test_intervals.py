"""Interval bounds hold whatever is tried within the ball, and are exact where the truth is known in closed form."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import MICRO_BATCH, Victim
from assay.attacks.pgd import pgd
from assay.chance import Draws
from assay.data import load
from assay.evaluate import certificate
from assay.models.classifier import Classifier, build
from assay.models.intervals import certified, worst_logits
from assay.tally import CERTIFIED

SHAPE, CLASSES = (2, 7, 6), 4


def classifier(net: nn.Module) -> Classifier:
    return Classifier(net.eval(), "test", SHAPE, list("abcd"), [0.4, 0.6], [0.3, 0.2])


def chain_of(seed: int) -> Classifier:
    """A little of everything that has bounds."""
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(5)
    norm.running_mean, norm.running_var = torch.randn(5), torch.rand(5) + 0.5  # type: ignore[assignment]
    with torch.no_grad():
        norm.weight.copy_(torch.randn(5))  # a negative scale turns an interval round
    layers = [
        nn.Conv2d(2, 5, 3, padding=1),
        norm,
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(),
        nn.Conv2d(5, 6, 2, stride=2),
    ]
    layers += [nn.LeakyReLU(0.3), nn.AdaptiveAvgPool2d((1, 2)), nn.Flatten(), nn.Linear(12, 7), nn.Tanh()]
    return classifier(nn.Sequential(nn.Sequential(*layers), nn.Linear(7, CLASSES)))


def batch(seed: int, n: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, *SHAPE, generator=generator), torch.randint(CLASSES, (n,), generator=generator)


def differences(model: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    logits = model(images)
    return logits - logits.gather(1, labels[:, None])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), eps=st.floats(0.001, 0.6))
def test_no_point_of_the_ball_is_beyond_them(seed: int, eps: float) -> None:
    model, (images, labels) = chain_of(seed), batch(seed)
    with torch.no_grad():
        most = worst_logits(model, images, labels, eps)
        for trial in range(20):
            noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(trial)) * 2 - 1
            points = (images + eps * (noise.sign() if trial % 2 else noise)).clamp(0, 1)
            assert bool((differences(model, points, labels) <= most + 1e-4).all())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000), eps=st.floats(0.0, 0.3))
def test_they_are_exact_for_a_linear_classifier(seed: int, eps: float) -> None:
    torch.manual_seed(seed)
    model, (images, labels) = classifier(nn.Sequential(nn.Flatten(), nn.Linear(84, CLASSES))), batch(seed)
    last = model.net[1]  # type: ignore[index]
    with torch.no_grad():
        most = worst_logits(model, images, labels, eps)
        for k in range(CLASSES):
            slope = (last.weight[k] - last.weight[labels]).reshape(-1, *SHAPE) / model.spread
            corner = torch.where(slope > 0, (images + eps).clamp(max=1), (images - eps).clamp(min=0))
            assert torch.allclose(differences(model, corner, labels)[:, k], most[:, k], atol=1e-4)


class Louder(nn.Sequential):
    """Looks like a chain, and does something else."""

    def forward(self, images: Tensor) -> Tensor:
        return 2 * super().forward(images)  # type: ignore[no-any-return]


def test_without_a_ball_they_are_the_logits_themselves() -> None:
    model, (images, labels) = chain_of(3), batch(3)
    with torch.no_grad():
        assert torch.allclose(worst_logits(model, images, labels, 0.0), differences(model, images, labels), atol=1e-5)


def test_what_is_certified_no_attack_breaks() -> None:
    proven = 0
    for seed in range(20):
        model, (images, _) = chain_of(seed), batch(seed, 20)
        labels, eps = model(images).argmax(1), 0.02
        safe = certified(model, images, labels, eps)
        proven += int(safe.sum())
        with Victim(model) as victim:
            points = pgd(victim, images, untargeted(labels), linf(eps), Draws(0, torch.arange(20)), steps=20)
            assert bool((victim.labels(points) == labels)[safe].all())
    assert proven > 20, "a test in which nothing is certified tests nothing"


@pytest.mark.parametrize(
    ("net", "line"),
    [
        (
            nn.Sequential(nn.Flatten(), nn.Softmax(1), nn.Linear(84, 4)).eval(),
            "no interval bounds for Softmax: a chain of",
        ),
        (nn.Sequential(nn.Flatten(), nn.Linear(84, 4), nn.ReLU()).eval(), "that ends in ReLU: Linear wanted"),
        (nn.Sequential(nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(84, 4)).train(), "BatchNorm2d while it learns"),
        (nn.Sequential(Louder(nn.Flatten()), nn.Linear(84, 4)).eval(), "no interval bounds for Louder"),
        (nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.Flatten(), nn.Linear(84, 4)).eval(), "counts"),
    ],
)
def test_what_has_none_is_refused(net: nn.Module, line: str) -> None:
    training = net.training
    model = classifier(net)
    net.train(training)
    images, labels = batch(0)
    with pytest.raises(ValueError, match=line):
        worst_logits(model, images, labels, 0.1)


def test_every_batch_has_one_shape_so_that_neighbours_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    about = {
        "architecture": "mlp(width=8)",
        "shape": (1, 8, 8),
        "classes": list("0123456789"),
        "mean": [0.3],
        "std": [0.4],
    }
    images, shapes = load("digits", "test", 41), []

    def spy(*given: Any) -> Tensor:
        shapes.append(given[1].shape)
        return certified(*given)

    monkeypatch.setattr(certificate, "certified", spy)
    whole = certificate.certificates(build(about), images, [1e-4, 1e-3], "linf")[CERTIFIED]
    assert set(shapes) == {(MICRO_BATCH, 1, 8, 8)}
    some = certificate.certificates(build(about), images.rows(torch.arange(3, 41, 5)), [1e-4, 1e-3], "linf")[CERTIFIED]
    assert some.tolist() == whole[3:41:5].tolist()
    assert len(set(whole.tolist())) > 1

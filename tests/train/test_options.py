"""What a recipe can ask for beside its numbers: patience, torch.compile, whose statistics craft; steps of any size."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from assay.data import ImageSet, load
from assay.models.classifier import Classifier
from assay.train import compiled as of_compiled
from assay.train.descent import sizes
from assay.train.loop import Training
from assay.train.methods.batch import Batch
from assay.train.recipe import Recipe
from tests.mistakes.saying import Say, alone, refuse, say
from tests.train.test_methods import N, batch

__all__ = ["alone", "refuse", "say"]

CPU = torch.device("cpu")


@given(images=st.integers(1, 400), size=st.integers(1, 70))
def test_every_image_is_in_one_step_and_none_is_alone(images: int, size: int) -> None:
    found = sizes(images, size)
    assert sum(found) == images
    assert all(step in (size, size + 1) for step in found[:-1])
    if images > 1 < size:
        assert min(found) > 1
    assert len(found) in (-(-images // size), -(-images // size) - 1)


def normed(images: ImageSet) -> Classifier:
    """Of one number a channel, which batch norm cannot learn from if it stands alone."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))
    return Classifier(net, "test", images.shape, images.classes, [0.3], [0.4])


def trained(images: ImageSet, path: Path, **settings: Any) -> tuple[Training, list[dict[str, Any]]]:
    wanted = Recipe(model="test", data="digits", epochs=2, batch_size=32, learning_rate=1e-2, **settings)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = normed(images)
    found = Training(model, wanted, images, load("digits", "validation", 64), device=CPU, precision="float32")
    return found, found.run(path, lambda history, losses: None)


def test_a_last_image_that_would_be_alone_goes_with_the_batch_before_it(tmp_path: Path) -> None:
    found, history = trained(load("digits", "train", 65), tmp_path / "c.pt")
    assert found.steps == 2
    assert found.schedule.last_epoch == 4
    assert all(line["images_per_second"] * line["seconds"] == pytest.approx(65) for line in history)


def answers(one: Batch) -> torch.Tensor:
    with one.victim() as victim:
        return victim.logits(one.pixels)


def test_an_attack_sees_the_statistics_that_it_is_told_to_see() -> None:
    one = batch(norm=True)
    norm = one.classifier.net[1]
    norm.running_mean += 0.3  # type: ignore[operator]
    before = {name: value.clone() for name, value in one.classifier.state_dict().items()}
    with torch.no_grad():
        whole = one.classifier(one.pixels)
        one.classifier.load_state_dict(before)  # as that has counted
        one.classifier.eval()
        counted = one.classifier(one.pixels)
        one.classifier.train()
    assert not torch.allclose(whole, counted, atol=1e-2)
    assert torch.allclose(answers(one), counted, atol=1e-6)
    one.statistics = "batch"
    assert torch.allclose(answers(one), whole, atol=1e-6)
    assert all(torch.equal(before[name], value) for name, value in one.classifier.state_dict().items())
    assert all(part.training for part in one.classifier.modules())
    assert norm.track_running_stats


def test_a_norm_that_is_held_still_stays_so() -> None:
    one = batch(norm=True, statistics="batch")
    one.classifier.net[1].eval()
    still = answers(one)
    one.statistics = "running"
    assert torch.equal(still, answers(one))
    assert not one.classifier.net[1].training
    assert one.classifier.net[0].training


@pytest.mark.parametrize("statistics", ["running", "batch"])
def test_whose_loss_falls_is_asked_of_the_same_network(statistics: Any) -> None:
    """No step at all: nobody's loss has fallen, whichever statistics the attack saw."""
    one = batch(norm=True, statistics=statistics, watched=True)
    with one.victim() as victim:
        one.before = victim.logits(one.pixels)
    one.learning(one.pixels)
    assert (one.seen, int(one.fell or 0)) == (N, 0)


def test_what_is_compiled_learns_the_same_and_says_how_long_that_took(tmp_path: Path) -> None:
    """In a process of its own: what checks types in these tests does not go through torch.compile."""
    found = []
    for name, more in (("plain", ()), ("compiled", ("--compile",))):
        command = ("train", "digits_cnn", "--images", "65", "--epochs", "2", "--out", str(tmp_path / name), *more)
        subprocess.run([sys.executable, "-m", "assay", *command], check=True, capture_output=True)
        lines = (tmp_path / name / "metrics.jsonl").read_text().splitlines()
        found.append([json.loads(line) for line in lines])
    plain, quick = found
    assert quick[0]["compiling"] > quick[0]["seconds"]
    assert not any("compiling" in line for line in (*plain, quick[1]))
    assert quick[1]["loss"] == pytest.approx(plain[1]["loss"], rel=1e-2)  # both in bfloat16


def test_what_cannot_be_compiled_is_said_in_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fails(nn.Module):
        def forward(self, _: torch.Tensor) -> None:
            raise torch._dynamo.exc.InternalTorchDynamoError("no compiler\nmore of it")

    monkeypatch.setattr("assay.train.loop.compiled", lambda network: Fails())
    with pytest.raises(ValueError, match=r"^--compile: this network cannot be compiled here: no compiler$"):
        trained(load("digits", "train", 64), tmp_path / "c.pt", compiled=True)
    assert not (tmp_path / "c.pt").exists()


def test_a_trial_leaves_the_network_as_it_was() -> None:
    model = batch(norm=True).classifier
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with of_compiled.tried(model):
        model(torch.rand(4, 1, 8, 8)).sum().backward()
        model.net[0].weight.data.zero_()
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_patience_ends_a_training_and_keeps_its_best_epoch(say: Say, refuse: Callable[..., str], alone: Path) -> None:
    few = ("train", "digits_cnn", "--epochs", "40", "--images", "200", "--out", "r")
    said = say(*few, "--patience", "2", "--json")
    assert said.code == 0
    lines = [json.loads(line) for line in (alone / "r/metrics.jsonl").read_text().splitlines()]
    assert 2 < len(lines) < 40
    shares = [line["validation_accuracy"] for line in lines]
    best = shares.index(max(shares))
    assert len(lines) - 1 - best == 2
    assert json.loads(said.out)["validation"]["epoch"] == best + 1
    assert say("verify", "r").code == 0
    assert "--resume: r was begun with patience 2, got 3" in refuse(*few, "--patience", "3", "--resume")
    assert "patience must be between 0 and 10000, got -1" in refuse(*few, "--patience", "-1", "--force")


def test_no_patience_is_none_and_can_be_taken_up(say: Say, alone: Path) -> None:
    assert say("train", "digits_cnn", "--epochs", "2", "--images", "100", "--patience", "0", "--out", "r").code == 0
    assert json.loads((alone / "r/config.json").read_text())["recipe"]["keep"] == "last"
    assert say("train", "digits_cnn", "--out", "r", "--resume").code == 0

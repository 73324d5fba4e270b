"""The sentinel: it sees a hardening collapse, goes back, and goes on with a method that does not."""

from pathlib import Path
from typing import Any

import pytest
import torch

from assay.adversary.threat import linf
from assay.data import load
from assay.models.classifier import build
from assay.train import loop
from assay.train.loop import SAFE, Training
from assay.train.methods import read_method
from assay.train.recipes import recipe
from assay.train.sentinel import alarm


def line(accuracy: float, robust: float, **more: float) -> dict[str, float]:
    return {"accuracy": accuracy, "validation_robust": robust, "growth": 1.0, "abnormal": 0.0} | more


GOOD = [line(0.3, 0.25), line(0.4, 0.35), line(0.45, 0.4)]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (line(0.8, 0.02), "robust validation accuracy fell from 40.0% to 2.0%"),
        (line(0.5, 0.19), "robust validation accuracy fell from 40.0% to 19.0%"),
        (line(0.7, 0.34, abnormal=0.3), "the loss of 30.0% of the images was lower after the step"),
    ],
)
def test_a_collapse_is_seen(last: dict[str, float], words: str) -> None:
    assert words in str(alarm([*GOOD, last]))


def test_a_collapse_from_the_first_epoch_is_seen() -> None:
    assert "90.0% of the training images withstand the method, 1.0%" in str(alarm([line(0.9, 0.01)]))


def test_what_a_blend_shows_at_half_the_eps_may_well_be_withstood() -> None:
    assert alarm([line(0.9, 0.01)], same_eps=False) is None
    assert alarm([*GOOD, line(0.9, 0.01)], same_eps=False)


@pytest.mark.parametrize(
    "history",
    [
        GOOD,
        [*GOOD, line(0.47, 0.36)],  # chance of 512 images
        [*GOOD, line(0.9, 0.38)],  # robust overfitting: the training images are learnt, the others no worse
        [line(0.9, 0.01, growth=0.2)],  # eps is still small
        [line(0.3, 0.25, abnormal=0.4)],  # a first epoch from random weights
        [{"accuracy": 0.9}],  # no hardening
    ],
)
def test_nothing_is_seen_where_nothing_is(history: list[dict[str, float]]) -> None:
    assert alarm(history) is None


class Killed(Exception):
    pass


def hardening(probes: list[float], monkeypatch: pytest.MonkeyPatch, method: str = "fast") -> Training:
    """A training on digits, by default by single steps, whose probe says what it is told to."""
    told = iter(probes)

    def validated(*_: Any) -> dict[str, float]:
        return {"validation_loss": 1.0, "validation_accuracy": 0.9, "validation_robust": next(told)}

    monkeypatch.setattr(loop, "validated", validated)
    images, validation = load("digits", "train", 96), load("digits", "validation", 32)
    about = {"architecture": "mnist_cnn", "shape": images.shape, "classes": images.classes, "mean": [0.3], "std": [0.4]}
    wanted = recipe("digits_cnn").changed(epochs=5, attack=method, threat="linf(0.1)", keep="best", average=0.9)
    adversary = (read_method(method, linf(0.1)), linf(0.1))
    settings: dict[str, Any] = {"device": torch.device("cpu"), "precision": "float32", "adversary": adversary}
    return Training(build(about, 0), wanted, images, validation, **settings)


def weights(training: Training) -> torch.Tensor:
    return torch.cat([weight.detach().flatten() for weight in training.classifier.parameters()])


def test_it_goes_back_to_the_last_good_state_and_on_with_several_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = hardening([0.5, 0.6, 0.1, 0.61, 0.62, 0.63], monkeypatch)
    history = training.run(tmp_path / "c.pt", lambda lines, losses: None)
    assert [line["epoch"] for line in history] == [1, 2, 3, 4, 5]
    assert [line["validation_robust"] for line in history] == [0.5, 0.6, 0.61, 0.62, 0.63]
    (undone,) = training.undone
    assert (undone["epoch"], undone["back_to"], undone["method"], undone["then"]) == (3, 2, "fast", SAFE)
    assert [line["validation_robust"] for line in undone["lines"]] == [0.1]
    assert str(training.method) == SAFE


def test_a_second_alarm_is_noted_and_does_not_go_round_in_circles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = hardening([0.6, 0.1, 0.6, 0.1, 0.2, 0.3], monkeypatch)
    history = training.run(tmp_path / "c.pt", lambda lines, losses: None)
    assert len(history) == 5
    assert len(training.undone) == 1
    assert "fell from 60.0% to 10.0%" in history[2]["alarm"]


def test_taken_up_after_the_alarm_it_ends_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probes = [0.5, 0.6, 0.1, 0.61, 0.62, 0.63]
    whole = hardening(probes, monkeypatch)
    whole.run(tmp_path / "whole.pt", lambda lines, losses: None)

    def kill(lines: list[dict[str, Any]], losses: list[float]) -> None:
        if len(lines) == 3:
            raise Killed

    first = hardening(probes, monkeypatch)
    with pytest.raises(Killed):
        first.run(tmp_path / "c.pt", kill)
    second = hardening(probes[4:], monkeypatch)
    second.resume(tmp_path / "c.pt")
    assert second.epoch == 3
    assert str(second.method) == SAFE
    history = second.run(tmp_path / "c.pt", lambda lines, losses: None)
    assert torch.equal(weights(second), weights(whole))
    told = [
        {key: undone[0][key] for key in ("epoch", "back_to", "because")} for undone in (second.undone, whole.undone)
    ]
    assert told[0] == told[1]
    assert [line["validation_robust"] for line in history] == [0.5, 0.6, 0.61, 0.62, 0.63]


def test_a_method_of_several_steps_is_warned_of_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fall has other reasons, and five steps in its place would be no rescue."""
    training = hardening([0.6, 0.1, 0.2, 0.3, 0.4], monkeypatch, "blend(steps=3)")
    history = training.run(tmp_path / "c.pt", lambda lines, losses: None)
    assert training.undone == []
    assert str(training.method) == "blend(steps=3)"
    assert "fell from 60.0% to 10.0%" in history[1]["alarm"]


def test_the_metrics_say_what_was_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = hardening([0.5, 0.6, 0.1, 0.61, 0.62, 0.63], monkeypatch).run(tmp_path / "c.pt", lambda *_: None)
    assert [line.get("taken_back") for line in history[:2]] == [None, None]
    assert "fell from 60.0% to 10.0%" in history[2]["taken_back"]


def test_a_loss_that_is_no_number_after_the_last_step_is_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = hardening([0.5], monkeypatch)
    nan = {"validation_loss": float("nan"), "validation_accuracy": 0.1, "validation_robust": 0.0}
    monkeypatch.setattr(loop, "validated", lambda *_: nan)
    with pytest.raises(ValueError, match=r"no longer finite in epoch 1: try a learning rate below .*; nothing is kept"):
        training.run(tmp_path / "c.pt", lambda lines, losses: None)
    assert not (tmp_path / "c.pt").exists()

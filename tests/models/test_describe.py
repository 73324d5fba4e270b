"""assay model describe: what it prints, and that it neither loads data nor touches a run."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import assay.data
from assay.models import MODELS
from tests.mistakes.saying import Say, contents

NETWORKS = Path(__file__).with_name("networks.py")


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("data were loaded")

    monkeypatch.setattr(assay.data, "load", refuse)


def lines_of(say: Say, *words: object) -> list[str]:
    said = say("model", "describe", *words)
    assert said.code == 0, said
    return [" ".join(line.split()) for line in said.out.splitlines()]


def test_mnist_cnn_is_counted_right(say: Say, no_data: None) -> None:
    lines = lines_of(say, "mnist_cnn")
    assert lines[0] == "mnist_cnn: mnist_cnn, 1 × 28 × 28 in, 10 classes"
    assert "0 Conv2d 32 × 28 × 28 (1·3²+1)·32 = 320 225 792" in lines
    assert "2 MaxPool2d 32 × 14 × 14 0" in lines
    assert "total 799 078 2 821 128" in lines
    assert "convolution 9 568 1.20 % 31 360 98.40 %" in lines
    assert "linear 789 510 98.80 % 510 1.60 %" in lines
    assert lines[-1].startswith("parameters are not neurons")
    assert lines[-1].endswith("they would give convolutions 1.20 %, not 98.40 %")
    assert any("of convolutions and linear layers only" in line for line in lines)


def test_a_network_of_linear_layers_is_warned_of_nothing(say: Say) -> None:
    assert not any("not neurons" in line for line in lines_of(say, "mlp"))


@pytest.mark.parametrize("name", MODELS)
def test_without_data_none_are_loaded(say: Say, no_data: None, name: str) -> None:
    document = json.loads(say("model", "describe", name, "--json").out)
    assert document["shape"] == ([1, 28, 28] if name.startswith("mnist") else [3, 32, 32])
    assert len(document["classes"]) == 10
    for key in ("parameters", "multiply_adds", "outputs"):
        assert sum(layer[key] for layer in document["layers"]) == document[key]
    assert document["other"] == 0
    assert sum(share["parameters"] for share in document["shares"]) == document["parameters"]


def test_the_shape_is_that_of_the_data(say: Say) -> None:
    assert lines_of(say, "resnet14", "--data", "digits")[0] == "resnet14: resnet14, 1 × 8 × 8 in, 10 classes"


def test_a_run_is_described_and_left_as_it_is(say: Say, refuse: Callable[..., str], run: Path) -> None:
    before = contents(run)
    assert lines_of(say, "run")[0] == "run: mnist_cnn, 1 × 8 × 8 in, 10 classes"
    assert lines_of(say, "run", "--data", "digits")[0] == "run: mnist_cnn, 1 × 8 × 8 in, 10 classes"
    assert contents(run) == before
    assert refuse("model", "describe", "run", "--data", "dgits").startswith("unknown data set 'dgits'")


def test_columns_stand_under_each_other(say: Say) -> None:
    table = [line for line in say("model", "describe", "resnet14").out.splitlines() if " = " in line]
    assert len({line.index(" = ") + len(line[line.index(" = ") :].split("  ")[0]) for line in table}) == 1


def test_your_own_network_with_odd_layers(say: Say) -> None:
    assert "other in no layer above 30 730" in lines_of(say, f"{NETWORKS}:scripted")
    lines = lines_of(say, f"{NETWORKS}:tokens")
    assert "memory LSTM tuple 20·8 + 20·5 + 2·20 = 300" in lines
    assert "unused Linear not called (7+1)·6 = 48" in lines
    assert "other in no layer above 228" in lines
    assert any(line.startswith("not called: not as a module") for line in lines)


def test_a_layer_called_again_says_so(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    small = assay.data.load("digits", "validation")
    monkeypatch.setattr(type(small), "shape", property(lambda _: (3, 2, 2)))
    small = dataclasses.replace(small, classes=("a", "b", "c", "d"), labels=small.labels % 4)
    monkeypatch.setattr(assay.data, "load", lambda *_: small)
    lines = lines_of(say, f"{NETWORKS}:shared", "--data", "small")
    assert "twice Linear 12 (12+1)·12 = 156 144" in lines
    assert "twice Linear 12 counted above 144" in lines
    assert "total 216 480" in lines


def test_a_network_of_yours_at_a_shape_that_was_a_guess(refuse: Callable[..., str]) -> None:
    line = refuse("model", "describe", f"{NETWORKS}:shared")
    assert line.startswith("the model does not take images (3, 32, 32)")
    assert line.endswith("--data NAME gives another shape and number of classes")
    line = refuse("model", "describe", f"{NETWORKS}:shared", "--data", "digits")
    assert line.startswith("the model does not take images (1, 8, 8)")
    assert "--data" not in line


def test_a_network_too_large_for_the_data_is_refused(
    refuse: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = assay.data.load("digits", "validation")
    monkeypatch.setattr(type(small), "shape", property(lambda _: (1, 7, 9)))
    line = refuse("model", "describe", "small_cnn", "--data", "digits")
    assert line == "small_cnn takes images of at least 8×8, got 7×9"

"""A2, C2, C3, E1 and E2: parameters, outputs and multiply-adds, layer by layer; and that parameters are no neurons."""

import importlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import parameters
from assay.lessons.paper import chain
from assay.lessons.paper.page import DisagreementError
from assay.lessons.parameters import CNN
from assay.models import MODELS
from assay.models.layers import measure
from tests.mistakes.saying import Say

NORMED = CNN.replace("pool 2", "pool 2; norm")
BLOCKS = "; ".join(f"residual {width}" for width in (16, 16, 32, 32, 64, 64))
RESNET = f"conv 16 3 padding 1 no bias; norm; relu; {BLOCKS}; average 8; linear 10"
HOUSES = [
    ("mnist_cnn", (1, 28, 28), CNN, 799_078),
    ("mnist_cnn_bn", (1, 28, 28), NORMED, 799_206),
    ("resnet14", (3, 32, 32), RESNET, 175_258),
    ("mlp", (3, 32, 32), "linear 100; relu; linear 10", 308_310),
]


@pytest.mark.parametrize(("name", "shape", "layers", "learnt"), HOUSES)
def test_the_architectures_of_the_house(name: str, shape: tuple[int, int, int], layers: str, learnt: int) -> None:
    """What is counted of their layers on paper is what is measured in the network itself."""
    found, net = parameters(input=shape, layers=layers), MODELS[name](shape, 10).eval()
    measured = measure(net, torch.zeros(1, *shape))
    assert found["parameters"] == learnt == sum(each.numel() for each in net.parameters())
    assert found["outputs"] == sum(layer.outputs for layer in measured)
    assert found["multiply-adds"] == sum(layer.multiply_adds for layer in measured)
    assert found["numbers in buffers"] == sum(each.numel() for each in net.buffers())


def test_the_rule_is_shown_for_each_layer(say: Say) -> None:
    said = say("lesson", "parameters").out
    assert "so 3 channels to 8, 3×3: (3·3²+1)·8 = 224\n" in said
    for formula in ("(1·3²+1)·32 = 320", "(32·3²+1)·32 = 9 248", "(1568+1)·500 = 784 500", "(500+1)·10 = 5 010"):
        assert formula in said
    assert parameters(input="3,32,32", layers="conv 8 3")["parameters"] == 224
    assert "   16·3²·32 = 4 608" in say("lesson", "parameters", "--input", "3,32,32", "--layers", RESNET).out


def test_batch_norm_learns_two_numbers_a_channel_and_its_statistics_are_none(say: Say) -> None:
    found = parameters(input="3,8,8", layers="norm")
    assert (found["parameters"], found["numbers in buffers"]) == (6, 7)
    assert parameters()["parameters with batch norms"] == 799_206
    said = say("lesson", "parameters").out
    assert "With a batch norm after each pool: 128 more, 799 206 parameters\n  (and 130 numbers in buffers" in said
    assert "With a batch norm" not in say("lesson", "parameters", "--layers", NORMED).out


def test_parameters_are_not_neurons(say: Say) -> None:
    found, said = parameters(), say("lesson", "parameters").out
    assert found["outputs of each layer"] == (25_088, 0, 0, 6_272, 0, 0, 500, 0, 10)
    assert [round(float(100 * one), 2) for one in found["shares of parameters"]] == [1.2, 98.8, 0]
    assert [round(float(100 * one), 1) for one in found["shares of outputs"]] == [98.4, 1.6, 0]
    assert "Right: convolutions have 98.40 % of the neurons; wrong, as in a source that calls weights\n" in said
    assert "  neurons: 1.20 %." in said
    assert "The same source: conv 1.12 %, linear 98.8 % of the parameters of this network,\n" in said
    assert "  together 99.92 %, and nothing else learns; right: conv 1.20 %, linear 98.80 %\n" in said
    assert "The same source" not in say("lesson", "parameters", "--layers", "conv 8 3; linear 10").out


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_paper_and_torch_agree(data: Any) -> None:
    """Of layers that fit, drawn one by one."""
    start = size = data.draw(st.sampled_from([(1, 9, 9), (3, 8, 11), (7,)]))
    found: list[str] = []
    for _ in range(data.draw(st.integers(1, 6))):
        n, k, more = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 3)))
        bias = data.draw(st.sampled_from(["", " no bias"]))
        flat = [f"linear {n}{bias}", "norm", "relu", "flatten"]
        conv = f"conv {n} {k} stride {more} padding 1{bias}"
        deep = [conv, f"residual {n}", f"pool {k}", f"average {k} stride {more}"]
        found.append(data.draw(st.sampled_from(flat if len(size) == 1 or min(size[1:]) < 4 else flat + deep * 2)))
        *_, (*_, last) = chain.counted(size, chain.read_parts(found[-1:]))
        size = last.size
    parameters(input=start, layers=found)  # cannot be made where they do not


def forgotten(right: Any, part: chain.Part, kind: str, **wrong: Any) -> Any:
    """`count` with something wrong of layers of that kind."""

    def count(size: chain.Size, given: chain.Part) -> chain.Counted:
        found: chain.Counted = right(size, given)
        return replace(found, **{key: value(found) for key, value in wrong.items()}) if given.kind == kind else found

    return count


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("conv", {"parameters": lambda found: found.parameters - found.size[0]}),  # no bias
        ("conv", {"multiply_adds": lambda found: found.parameters}),  # a kernel used once
        ("conv", {"outputs": lambda found: found.parameters}),  # weights called neurons
        ("linear", {"parameters": lambda found: found.multiply_adds}),  # no bias
        ("norm", {"parameters": lambda found: 2 * found.parameters}),  # statistics counted as learnt
        ("norm", {"buffers": lambda found: found.buffers - 1}),
        ("pool", {"parameters": lambda found: 1}),
    ],
)
def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, kind: str, wrong: dict[str, Any]) -> None:
    monkeypatch.setattr(chain, "count", forgotten(chain.count, chain.Part(kind), kind, **wrong))
    with pytest.raises(DisagreementError, match="parameters: "):
        parameters(layers=NORMED)


def test_a_share_of_the_wrong_whole_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        importlib.import_module("assay.lessons.parameters"), "share", lambda layers, kind, what: Fraction(1, 3)
    )
    with pytest.raises(DisagreementError, match="shares of parameters"):
        parameters()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--layers", "con 8 3"), "layers: unknown layer 'con'; there are conv, linear, pool, average, norm, relu, "),
        (("--layers", "linear 10;"), "layers: unknown layer ''; there are conv, "),
        (("--layers", " "), "layers: unknown layer ''; there are conv, "),
        (("--layers", "conv 8"), "layers: 'conv 8': write conv CHANNELS KERNEL [stride N] [padding N] [no bias]"),
        (("--layers", "conv 8 3 stride"), "layers: 'conv 8 3 stride': write conv CHANNELS KERNEL [stride N] "),
        (("--layers", "conv 8 3 pad 1"), "layers: 'conv 8 3 pad 1': write conv CHANNELS KERNEL [stride N] [padding N]"),
        (("--layers", "conv 8 3 stride 2 stride 2"), "layers: 'conv 8 3 stride 2 stride 2': write conv CHANNELS "),
        (("--layers", "relu 3"), "layers: 'relu 3': write relu"),
        (("--layers", "conv 0 3"), "layers: 'conv 0 3': CHANNELS must be a whole number from 1 to 10000, got '0'"),
        (("--layers", "conv 8 3 stride 0"), "layers: 'conv 8 3 stride 0': stride must be a whole number from 1 to 64"),
        (("--layers", "linear 2.5"), "layers: 'linear 2.5': OUTPUTS must be a whole number from 1 to 10000, got '2.5'"),
        (
            ("--layers", "linear 9; conv 8 3"),
            "layers: 'conv 8 3' needs channels, rows and columns, and gets a row of 9",
        ),
        (("--layers", "pool 2; pool 20"), "layers: 'pool 20' does not fit into the 1×14×14 that it gets"),
        (
            ("--layers", "linear 9; residual 8"),
            "layers: 'conv 8 3 stride 2 padding 1 no bias' needs channels, rows and",
        ),
        (("--layers", "relu;" * 60 + "relu"), "layers must be 1 to 60, got 61"),
        (("--input", "28,28"), "input must be channels, rows and columns such as 1,28,28, or one number, got 2"),
        (("--input", "1,28,x"), "input must be a number such as 3, -0.5 or 1/3, got 'x'"),
        (("--input", "1,28,2.5"), "input must be a whole number from 1 to 10000, got "),
        (("--input", "1,28,0"), "input must be a whole number from 1 to 10000, got "),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: tuple[str, ...], line: str) -> None:
    assert refuse("lesson", "parameters", *words).startswith(line)


@pytest.mark.parametrize("layers", [3, ["relu", 3], [["relu"]]])
def test_layers_from_python_are_text(layers: Any) -> None:
    with pytest.raises(ValueError, match="layers must be text such as"):
        parameters(layers=layers)

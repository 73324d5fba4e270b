"""Sizes, formulas and multiply-adds of layers, against numbers that were worked out without them."""

import copy
import re
import warnings
from typing import Any

import pytest
import torch
from torch import nn

from assay.models import MODELS
from assay.models.layers import Layer, _kind, hooked, measure, shares
from tests.models.networks import Failing, Shared, Tokens, scripted

POWER = {"²": "**2", "³": "**3", "·": "*"}


def value(formula: str) -> float:
    """What the text comes to, by Python's own arithmetic."""
    text = "".join(POWER.get(sign, sign) for sign in formula)
    assert re.fullmatch(r"[0-9+*/() ]+", text), formula
    return float(eval(text))


def layers_of(net: nn.Module, *shape: int) -> list[Layer]:
    return measure(net.eval(), torch.zeros(1, *shape))


def count(net: nn.Module) -> int:
    return sum(parameter.numel() for parameter in net.parameters())


LAYERS: list[tuple[nn.Module, tuple[int, ...], str]] = [
    (nn.Conv2d(3, 8, 3), (3, 9, 9), "(3·3²+1)·8"),
    (nn.Conv2d(3, 16, 3, bias=False), (3, 9, 9), "3·3²·16"),
    (nn.Conv2d(16, 32, 1, 2, bias=False), (16, 9, 9), "16·1²·32"),
    (nn.Conv2d(6, 9, (1, 5), stride=(2, 1)), (6, 9, 9), "(6·1·5+1)·9"),
    (nn.Conv2d(6, 9, 3, groups=3, padding=1), (6, 9, 9), "(6/3·3²+1)·9"),
    (nn.Conv2d(6, 6, 3, groups=6, dilation=2, bias=False), (6, 9, 9), "6/6·3²·6"),
    (nn.Conv1d(4, 5, 3), (4, 9), "(4·3+1)·5"),
    (nn.Conv3d(2, 5, 3, padding=1), (2, 4, 5, 6), "(2·3³+1)·5"),
    (nn.ConvTranspose2d(6, 9, (2, 3), stride=2, groups=3), (6, 5, 5), "(6/3·2·3+1)·9"),
    (nn.Linear(3072, 100), (3072,), "(3072+1)·100"),
    (nn.Linear(12, 7, bias=False), (3, 12), "12·7"),
    (nn.BatchNorm2d(16), (16, 4, 4), "2·16"),
    (nn.BatchNorm2d(16, affine=False), (16, 4, 4), ""),
    (nn.LayerNorm((4, 5)), (3, 4, 5), "2·4·5"),
    (nn.PReLU(), (3, 4), "1"),
    (nn.ReLU(), (3, 4), ""),
]


@pytest.mark.parametrize(("layer", "shape", "formula"), LAYERS, ids=lambda part: str(part)[:50])
def test_a_formula_comes_to_the_number(layer: nn.Module, shape: tuple[int, ...], formula: str) -> None:
    (found,) = layers_of(layer, *shape)
    assert found.name == "net"
    assert found.formula == formula
    assert found.parameters == count(layer) == (value(formula) if formula else 0)


WEIGHTED = [(layer, shape) for layer, shape, _ in LAYERS if _kind(layer) in ("convolution", "linear")]


@pytest.mark.parametrize(("layer", "shape"), WEIGHTED, ids=lambda part: str(part)[:50])
def test_multiply_adds_are_the_products_that_the_sums_are_made_of(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """With weights of 1 and an image of 1 a sum is the number of its products. What is padded is padded with 1."""
    (found,) = layers_of(layer, *shape)
    answer = layer(torch.ones(1, *shape))
    assert (found.output, found.outputs) == (tuple(answer.shape[1:]), answer.numel())
    plain: Any = copy.deepcopy(layer).requires_grad_(False)
    pads = getattr(plain, "padding", ())
    if any(pads):
        plain.padding = (0,) * len(pads)
    for name, parameter in plain.named_parameters():
        parameter.fill_(name == "weight")
    padded = (shape[0], *(side + 2 * pad for side, pad in zip(shape[1:], pads, strict=True))) if pads else shape
    assert found.multiply_adds == int(plain(torch.ones(1, *padded)).sum())


@pytest.mark.parametrize("layer", [nn.ReLU(), nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.LSTM(4, 2)], ids=str)
def test_multiply_adds_and_outputs_of_other_layers_are_not_counted(layer: nn.Module) -> None:
    shape = (4,) if isinstance(layer, nn.LSTM) else (3, 4, 4)
    (found,) = layers_of(layer, *shape)
    assert (found.multiply_adds, found.outputs) == (0, 0)


def test_multiply_adds_of_mnist_cnn() -> None:
    found = layers_of(MODELS["mnist_cnn"]((1, 28, 28), 10), 1, 28, 28)
    by_hand = [1 * 9 * 32 * 28 * 28, 32 * 9 * 32 * 14 * 14, 32 * 7 * 7 * 500, 500 * 10]
    assert [layer.multiply_adds for layer in found if layer.multiply_adds] == by_hand
    assert [layer.outputs for layer in found if layer.outputs] == [25_088, 6_272, 500, 10]


def test_multiply_adds_of_resnet14() -> None:
    """A 3×3 convolution that keeps its size costs 9·width²·side², the same 2.36 M at each of the three widths."""
    found = layers_of(MODELS["resnet14"]((3, 32, 32), 10), 3, 32, 32)
    same = 9 * 16 * 16 * 32 * 32
    assert same == 9 * 32 * 32 * 16 * 16 == 9 * 64 * 64 * 8 * 8
    projection = 16 * 32 * 16 * 16
    assert projection == 32 * 64 * 8 * 8
    total = 3 * 9 * 16 * 32 * 32 + 10 * same + 2 * (same // 2) + 2 * projection + 64 * 10
    assert sum(layer.multiply_adds for layer in found) == total == 26_657_408


def test_the_layers_of_resnet14_in_the_order_of_calls() -> None:
    names = [layer.name for layer in layers_of(MODELS["resnet14"]((3, 32, 32), 10), 3, 32, 32)]
    parts = ["conv1", "norm1", "relu1", "conv2", "norm2", "shortcut", "relu2"]
    assert names[:10] == ["conv", "norm", "relu", *(f"stage1.0.{part}" for part in parts)]
    assert names[-3:] == ["pool", "flatten", "linear"]


@pytest.mark.parametrize("name", MODELS)
def test_columns_add_up_and_nothing_stays_behind(name: str) -> None:
    net = MODELS[name]((3, 32, 32), 10).eval()
    modes = [part.training for part in net.modules()]
    state = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    found = layers_of(net, 3, 32, 32)
    assert sum(layer.parameters for layer in found) == count(net)
    assert all(value(layer.formula) == layer.parameters for layer in found if layer.formula)
    given = shares(found, count(net))
    assert sum(share.parameters for share in given) == count(net)
    assert sum(share.of_parameters for share in given) == pytest.approx(1)
    assert sum(share.of_outputs for share in given) == pytest.approx(1)
    assert [part.training for part in net.modules()] == modes
    assert all(torch.equal(tensor, state[key]) for key, tensor in net.state_dict().items())
    assert not any(part._forward_hooks for part in net.modules())


def test_hooks_go_when_the_network_fails() -> None:
    net = Failing()
    with pytest.raises(RuntimeError, match="no more"):
        layers_of(net, 2)
    assert not net.first._forward_hooks


def test_hooks_go_when_one_cannot_be_put_on() -> None:
    first, script = scripted().children()
    with pytest.raises(RuntimeError, match="not supported on ScriptModules"), hooked([first, script], print):
        pass
    assert not first._forward_hooks


def test_a_layer_called_twice_is_listed_twice_and_counted_once() -> None:
    net = Shared()
    found = layers_of(net, 3, 2, 2)
    assert [layer.name for layer in found] == ["flat", "twice", "twice", "tied", "end"]
    assert [layer.parameters for layer in found] == [0, 12 * 13, 0, 12, 48]
    assert [layer.formula for layer in found] == ["", "(12+1)·12", "counted above", "12", "12·4"]
    assert [layer.multiply_adds for layer in found] == [0, 144, 144, 144, 48]
    assert sum(layer.parameters for layer in found) == count(net)
    (linear,) = shares(found, count(net))
    assert (linear.kind, linear.outputs) == ("linear", 12 + 12 + 12 + 4)


def test_what_is_in_no_layer_and_what_is_not_called() -> None:
    net = Tokens()
    found = {layer.name: layer for layer in layers_of(net, 3, 4, 4)}
    assert list(found) == ["patches", "memory", "end", "attend.out_proj", "unused"]
    assert found["memory"].output == "tuple"
    assert value(found["memory"].formula) == found["memory"].parameters == 4 * 5 * (8 + 5 + 2)
    assert found["attend.out_proj"].output == found["unused"].output == "not called"
    assert found["unused"].parameters == 8 * 6
    (other,) = (share for share in shares(found.values(), count(net)) if share.kind == "other")
    assert other.parameters == 8 + 3 + 1 + (3 * 8 * 8 + 3 * 8)  # tokens, the list, the in-projection of attention
    assert other.outputs == 0


def test_a_convolution_whose_weights_are_computed_is_a_layer() -> None:
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), nn.ReLU())
    found = layers_of(net, 3, 8, 8)
    assert [(layer.name, layer.kind) for layer in found] == [("0", "convolution"), ("1", "ReLU")]
    assert found[0].parameters == value(found[0].formula) == 8 + 8 + 8 * 27
    assert found[0].multiply_adds == 27 * 8 * 6 * 6


def test_a_transformer_takes_no_short_cut_past_its_layers() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of nested tensors
        net = nn.Sequential(nn.Flatten(2), nn.TransformerEncoder(layer, 1))
    found = {row.name: row for row in layers_of(net, 5, 2, 4)}
    assert found["1.layers.0.linear1"].output == (5, 16)
    assert found["1.layers.0.linear1"].multiply_adds == 5 * 8 * 16


def test_tokens_in_the_batch_are_counted() -> None:
    net = nn.Sequential(nn.Flatten(0, 1), nn.Linear(6, 2))
    found = layers_of(net, 5, 6)[1]
    assert (found.output, found.outputs, found.multiply_adds) == ((5, 2), 10, 60)


def test_a_compiled_network_is_looked_into() -> None:
    class Compiled(nn.Module):
        """What torch.compile wraps a network in: it calls the hooks of none of its layers."""

        def __init__(self) -> None:
            super().__init__()
            self._orig_mod = nn.Sequential(nn.Flatten(), nn.Linear(12, 4))

    assert [layer.name for layer in layers_of(Compiled(), 3, 2, 2)] == ["0", "1"]


def test_a_network_of_no_parameters_has_no_shares() -> None:
    assert shares(layers_of(nn.Flatten(), 3, 2, 2), 0) == []

"""The own convolution against torch's: values, the three gradients, precisions, and what it leaves undone."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from assay.models import MODELS
from assay.models.layers import measure
from assay.models.own_convolution import Convolve, OwnConv2d, Windows

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))


def drawn(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64) - 0.5


def both(*sizes: Any, **settings: Any) -> tuple[nn.Module, nn.Module]:
    nets = []
    for make in (OwnConv2d, nn.Conv2d):
        torch.manual_seed(3)
        nets.append(make(*sizes, **settings))
    return nets[0], nets[1]


@settings(max_examples=60, deadline=None)
@given(
    batch=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    size=st.tuples(st.integers(3, 8), st.integers(3, 8)),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    bias=st.booleans(),
)
def test_values_and_gradients_are_those_of_torch(
    batch: int, channels: Any, size: Any, kernel: Any, stride: Any, padding: Any, bias: bool
) -> None:
    given = [drawn(batch, channels[0], *size), drawn(channels[1], channels[0], *kernel), drawn(channels[1])]
    given = [tensor.requires_grad_() for tensor in given[: 2 + bias]]
    own = Convolve.apply(*given, *[None] * (not bias), Windows(kernel, stride, padding))
    theirs = F.conv2d(*given, stride=stride, padding=padding)
    torch.testing.assert_close(own, theirs)
    up = drawn(*theirs.shape)
    for one, other in zip(torch.autograd.grad(own, given, up), torch.autograd.grad(theirs, given, up), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("bias", [True, False])
def test_the_gradients_are_those_of_the_values(bias: bool) -> None:
    given = [drawn(2, 2, 5, 6), drawn(3, 2, 2, 3), *[drawn(3)] * bias]
    for tensor in given:
        tensor.requires_grad_()
    windows = Windows((2, 3), (2, 1), (1, 0))
    assert torch.autograd.gradcheck(lambda *all: Convolve.apply(*all, *[None] * (not bias), windows), given)


@pytest.mark.parametrize("wanted", range(3), ids=["images", "weight", "bias"])
def test_what_nobody_wants_is_not_computed(wanted: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("columns", "images"):
        plain = getattr(Windows, name)
        monkeypatch.setattr(Windows, name, lambda *all, name=name, plain=plain: (calls.append(name), plain(*all))[1])
    given = [drawn(1, 2, 5, 5), drawn(3, 2, 3, 3), drawn(3)]
    given[wanted].requires_grad_()
    Convolve.apply(*given, Windows((3, 3), (1, 1), (0, 0))).sum().backward()
    assert calls == ["columns", *(["images"], ["columns"], [])[wanted]]
    assert [tensor.grad is not None for tensor in given] == [place == wanted for place in range(3)]


def test_a_second_derivative_is_refused() -> None:
    images = drawn(1, 1, 4, 4).requires_grad_()
    answer = Convolve.apply(images, drawn(1, 1, 3, 3), None, Windows((3, 3), (1, 1), (0, 0)))
    (first,) = torch.autograd.grad(answer.square().sum(), images, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


@pytest.mark.parametrize("bias", [True, False])
def test_the_module_is_one_of_torchs(bias: bool) -> None:
    own, theirs = both(2, 3, (2, 3), (2, 1), padding=(1, 0), bias=bias)
    assert list(own.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, own.parameters(), theirs.parameters()))
    found, wanted = (measure(net, torch.rand(1, 2, 7, 6))[0] for net in (own, theirs))
    assert (found.type, found.kind) == ("OwnConv2d", "convolution")
    assert (found.formula, found.multiply_adds, found.output) == (wanted.formula, wanted.multiply_adds, wanted.output)
    images = torch.rand(2, 2, 7, 6).to(memory_format=torch.channels_last)
    torch.testing.assert_close(own(images), theirs(images))


@pytest.mark.parametrize("inside", [True, False], ids=["backward inside", "backward outside"])
def test_autocast_computes_in_its_precision_and_gradients_have_their_own(inside: bool) -> None:
    answers, gradients = [], []
    for net in both(3, 4, 3, padding=1):
        images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1), requires_grad=True)
        with torch.autocast("cpu", torch.bfloat16):
            answer = net(images)
            loss = answer.float().square().sum()
            if inside:
                loss.backward()
        if not inside:
            loss.backward()
        answers.append(answer)
        gradients.append([tensor.grad for tensor in (images, *net.parameters())])
    assert {answer.dtype for answer in answers} == {torch.bfloat16}
    torch.testing.assert_close(*answers, rtol=2e-2, atol=2e-2)
    for one, other in zip(*gradients, strict=True):
        assert one is not None
        assert one.dtype == torch.float32
        assert float((one - other).norm() / other.norm()) < 0.02


def test_small_cnn_starts_from_the_same_weights_and_answers_the_same() -> None:
    nets = []
    for conv in ("own", "torch"):
        torch.manual_seed(5)
        nets.append(MODELS["small_cnn"]((3, 32, 32), 10, conv=conv))
    assert list(nets[0].state_dict()) == list(nets[1].state_dict())
    assert all(map(torch.equal, nets[0].parameters(), nets[1].parameters()))
    assert sum(isinstance(part, OwnConv2d) for part in nets[0].modules()) == 3
    assert not any(isinstance(part, OwnConv2d) for part in nets[1].modules())
    images = torch.rand(4, 3, 32, 32)
    torch.testing.assert_close(nets[0](images), nets[1](images), rtol=1e-5, atol=1e-6)

"""speed_cnn: what whitening is, and the starts that make it quick."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.models import MODELS


def made(channels: int = 3, **settings: Any) -> Any:
    torch.manual_seed(0)
    return MODELS["speed_cnn"]((channels, 16, 16), 10, **settings)


def smooth(channels: int, number: int = 700) -> Tensor:
    """Images whose neighbours, and colours, are alike."""
    chance = torch.Generator().manual_seed(1)
    coarse = torch.randn(number, channels, 6, 6, generator=chance)
    images = F.interpolate(coarse + coarse[:, :1], (16, 16), mode="bilinear")
    return images + 0.1 * torch.randn(number, channels, 16, 16, generator=chance)


@pytest.mark.parametrize("channels", [1, 3])
def test_whitened_patches_are_uncorrelated_and_of_equal_size(channels: int) -> None:
    net, images = made(channels), smooth(channels)
    net.whiten(images)
    first = net.whitening(images)
    half = first.shape[1] // 2
    torch.testing.assert_close(first[:, :half], -first[:, half:])
    answers = first[:, :half].transpose(0, 1).flatten(1)
    moments = answers @ answers.T / answers.shape[1]
    assert bool((moments - torch.diag(moments.diag())).abs().max() < 1e-3)
    assert bool((moments.diag() > 0.9).all())
    assert bool((moments.diag() <= 1.001).all())


def test_before_it_is_whitened_the_filters_are_orthonormal() -> None:
    filters = made().whitening.weight[:12].flatten(1)
    torch.testing.assert_close(filters @ filters.T, torch.eye(12))


def test_whitening_draws_nothing_and_goes_with_the_weights() -> None:
    one, other, images = made(), made(), smooth(3)
    before = torch.random.get_rng_state()
    one.whiten(images)
    assert torch.equal(torch.random.get_rng_state(), before)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.eval()(images[:5]), other.eval()(images[:5]))
    assert not one.whitening.weight.requires_grad
    assert one.whitening.bias.requires_grad


def test_pixels_that_never_vary_are_not_blown_up() -> None:
    net = made(1)
    net.whiten(torch.zeros(4, 1, 16, 16))
    assert bool(net.whitening.weight.isfinite().all())
    assert float(net.whitening.weight.detach().abs().max()) <= 5e-4**-0.5 + 1e-3


def test_a_convolution_hands_on_what_came_in_at_first() -> None:
    net = made(width=40)
    layer = net.group1.conv1  # 24 channels in, 40 out
    images = torch.rand(2, 24, 5, 5)
    torch.testing.assert_close(layer(images)[:, :24], images)
    assert float(layer(images)[:, 24:].detach().abs().sum()) > 0


def test_norms_have_a_bias_that_learns_and_a_scale_that_does_not() -> None:
    norms = [part for part in made().modules() if isinstance(part, nn.BatchNorm2d)]
    assert len(norms) == 6
    assert all(part.bias.requires_grad and not part.weight.requires_grad for part in norms)


@pytest.mark.parametrize("width", [1, 16, 64])
def test_the_groups_are_as_wide_as_asked_for(width: int) -> None:
    net = made(width=width)
    assert [net.get_submodule(f"group{n}.conv2").weight.shape[0] for n in (1, 2, 3)] == [width, 4 * width, 4 * width]


def test_the_head_answers_a_ninth() -> None:
    net, seen = made().eval(), []
    net.flatten.register_forward_hook(lambda _, __, output: seen.append(output))
    logits = net(torch.rand(2, 3, 16, 16))
    torch.testing.assert_close(logits, seen[0] @ net.linear.weight.T / 9)

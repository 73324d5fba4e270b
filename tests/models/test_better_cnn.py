"""better_cnn: its settings change what they say and nothing else."""

from typing import Any

import pytest
import torch
from torch import nn

from assay.models import MODELS
from assay.models.layers import measure


def made(shape: tuple[int, int, int] = (3, 32, 32), **settings: Any) -> nn.Module:
    torch.manual_seed(0)
    net: nn.Module = MODELS["better_cnn"](shape, 10, **settings)
    return net


def kernels(net: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(part.weight.shape) for part in net.modules() if isinstance(part, nn.Conv2d)]


def test_batch_norm_alone_changes_nothing_else() -> None:
    normed, plain = made(), made(norm=False)
    kinds = [type(part).__name__ for part in normed.children()]
    assert [kinds[place + 1] for place, kind in enumerate(kinds) if kind == "BatchNorm2d"] == ["ReLU"] * 6
    assert [kind for kind in kinds if kind != "BatchNorm2d"] == [type(part).__name__ for part in plain.children()]
    assert kernels(normed) == kernels(plain)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_depth_is_the_convolutions_of_each_stage(depth: int) -> None:
    assert [shape[0] for shape in kernels(made(depth=depth))] == [32] * depth + [64] * depth + [128] * depth


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_any_kernel_fits(kernel: int) -> None:
    net = made(kernel=kernel)
    assert {shape[2:] for shape in kernels(net)} == {(kernel, kernel)}
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize(
    ("side", "stride", "kernel", "first"), [(32, None, 3, 32), (128, None, 7, 32), (128, 2, 3, 64), (32, 2, 3, 16)]
)
def test_the_first_convolution_makes_large_images_small(side: int, stride: int | None, kernel: int, first: int) -> None:
    net = made((3, side, side), stride=stride).eval()
    layer = measure(net, torch.rand(1, 3, side, side))[0]
    assert layer.output == (32, first, first)
    assert kernels(net)[0][2:] == (kernel, kernel)


def test_a_stride_that_leaves_nothing_to_pool_is_refused() -> None:
    assert made((3, 16, 16), stride=4)(torch.rand(2, 3, 16, 16)).shape == (2, 10)
    with pytest.raises(ValueError, match=r"^better_cnn takes images of at least 16×16, got 15×16$"):
        made((3, 15, 16), stride=4)

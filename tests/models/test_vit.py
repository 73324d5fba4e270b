"""vit: what a token can see, and what it is told of its place."""

from typing import Any

import pytest
import torch
from torch import Tensor

from assay.models import MODELS
from assay.models.vit import SHORT


def made(**settings: Any) -> Any:
    torch.manual_seed(0)
    net: Any = MODELS["vit"]((3, 32, 32), 10, **settings).eval()
    return net


def reached(net: Any, blocks: int) -> Tensor:
    """The tokens (rows, columns) that change with the top left patch, behind so many blocks."""
    images = torch.rand(1, 3, 32, 32)
    other = images.clone()
    other[..., :4, :4] += 0.5

    def tokens(images: Tensor) -> Tensor:
        found = net.patches(images)
        for number in range(blocks):
            found = net.get_submodule(f"block{number + 1}")(found)
        return found[0].detach()

    return (tokens(images) - tokens(other)).abs().sum(2) > 0


def test_a_window_is_seen_inside_only_and_the_next_block_sees_all() -> None:
    net = made(window=4)
    inside = torch.zeros(8, 8, dtype=torch.bool)
    inside[:4, :4] = True
    assert torch.equal(reached(net, 1), inside)
    assert bool(reached(net, 2).all())


def test_without_a_window_the_first_block_sees_all() -> None:
    assert bool(reached(made(), 1).all())


def test_a_window_as_large_as_the_image_is_none() -> None:
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(made(window=8)(images), made()(images))


@pytest.mark.parametrize("places", [(3, 5), (17, 17)], ids=["short", "long"])
def test_attention_is_that_of_torch(places: tuple[int, int]) -> None:
    assert (places[0] * places[1] > SHORT) == (places == (17, 17))
    block = made().block1.attention
    theirs = torch.nn.MultiheadAttention(96, 3, batch_first=True)
    theirs.load_state_dict(
        {
            **{"in_proj_weight": block.ask.weight, "in_proj_bias": block.ask.bias},
            **{"out_proj.weight": block.answer.weight, "out_proj.bias": block.answer.bias},
        }
    )
    tokens = torch.randn(2, *places, 96)
    flat = tokens.flatten(1, 2)
    torch.testing.assert_close(block(tokens).flatten(1, 2), theirs(flat, flat, flat)[0])


@pytest.mark.parametrize("positions", [True, False])
def test_without_positions_the_order_of_the_patches_is_not_seen(positions: bool) -> None:
    net, images = made(positions=positions), torch.rand(2, 3, 32, 32)
    difference = (net(images) - net(images.roll((8, 4), (2, 3)))).abs().max()  # whole patches
    assert bool(difference < 1e-6) != positions


@pytest.mark.parametrize(
    ("shape", "settings", "tokens"),
    [
        ((3, 128, 128), {}, (8, 8)),
        ((3, 33, 47), {}, (9, 12)),  # filled up to 36×48
        ((1, 28, 28), {"patch": 4, "window": 4}, (8, 8)),  # filled up to whole windows
        ((3, 32, 40), {"patch": 2, "depth": 1, "width": 12, "heads": 3}, (16, 20)),
    ],
)
def test_the_tokens_of_an_image(shape: tuple[int, int, int], settings: Any, tokens: tuple[int, int]) -> None:
    net: Any = MODELS["vit"](shape, 10, **settings)
    assert net.positions.table.shape[:2] == tokens == net.patches(torch.rand(2, *shape)).shape[1:3]
    assert net(torch.rand(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"width": 100, "heads": 3}, "vit: width must be a multiple of heads, got width=100 and heads=3"),
        ({"patch": 33}, "vit takes images of at least 33×33, got 32×32"),
    ],
)
def test_what_cannot_be_is_refused(settings: Any, line: str) -> None:
    with pytest.raises(ValueError, match=f"^{line}$"):
        made(**settings)

"""Every corruption of the folder: in the box, each image by its own chance, nothing at amount 0, more with strength."""

import pytest
import torch

from assay.chance import Draws
from assay.corruptions import CORRUPTIONS, STRENGTHS, corrupt, described, facts

SHAPES = [(1, 28, 28), (3, 32, 32), (3, 20, 33), (1, 8, 8), (3, 2, 2), (1, 1, 1), (1, 1, 5)]
CHANCE = ("noise", "rotation", "shift")  # those that draw


def world(shape: tuple[int, int, int], n: int = 9) -> tuple[torch.Tensor, Draws]:
    """Blocks with edges, black and white pixels among them, and indices that are no row numbers."""
    generator = torch.Generator().manual_seed(0)
    block = max(1, min(shape[1:]) // 7)  # longer than the longest step of a shift, after which it can only wander
    coarse = torch.rand((n, shape[0], -(-shape[1] // block), -(-shape[2] // block)), generator=generator)
    images = coarse.repeat_interleave(block, 2).repeat_interleave(block, 3)[:, :, : shape[1], : shape[2]].clone()
    images[:, :, 0, 0], images[:, :, -1, -1] = 0, 1
    return images, Draws(7, torch.arange(n) * 37 + 5)


@pytest.fixture(params=list(CORRUPTIONS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_there_are_six() -> None:
    assert list(CORRUPTIONS) == ["blur", "brightness", "contrast", "noise", "rotation", "shift"]
    assert [one["name"] for one in described()] == list(CORRUPTIONS)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_images_stay_images(name: str, shape: tuple[int, int, int]) -> None:
    images, draws = world(shape)
    before = images.clone()
    for strength in (0, *STRENGTHS):
        found = corrupt(name, images, draws, strength)
        assert found.shape == images.shape
        assert found.dtype == torch.float32
        assert 0 <= float(found.min()) <= float(found.max()) <= 1
    assert torch.equal(images, before), "its input is not written to"


@pytest.mark.parametrize("shape", SHAPES)
def test_strength_0_changes_nothing(name: str, shape: tuple[int, int, int]) -> None:
    images, draws = world(shape)
    assert torch.equal(corrupt(name, images, draws, 0), images)


def test_black_and_white_images_are_borne(name: str) -> None:
    for level in (0.0, 1.0):
        images, draws = torch.full((2, 3, 6, 6), level), Draws(0, torch.arange(2))
        assert corrupt(name, images, draws, 5).isfinite().all()


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 20, 33)])
def test_an_image_does_not_hang_on_its_company(name: str, shape: tuple[int, int, int]) -> None:
    images, draws = world(shape)
    together = corrupt(name, images, draws, 4)
    order = torch.tensor([5, 0, 8])
    assert torch.equal(corrupt(name, images[order], draws[order], 4), together[order])
    for row in range(len(images)):
        assert torch.equal(corrupt(name, images[row : row + 1], draws[row : row + 1], 4)[0], together[row])


def test_chance_is_the_images_own(name: str) -> None:
    """The same picture under many indices: different where it draws, equal where it does not; and hung on the seed."""
    images, _ = world((1, 28, 28), 1)
    index = torch.arange(12)
    found = corrupt(name, images.expand(12, -1, -1, -1), Draws(0, index), 3)
    other = corrupt(name, images.expand(12, -1, -1, -1), Draws(1, index), 3)
    assert (len(found.flatten(1).unique(dim=0)) > 1) == (name in CHANCE)
    assert torch.equal(found, other) == (name not in CHANCE)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 128, 96)])
def test_each_strength_changes_more_than_the_one_before(name: str, shape: tuple[int, int, int]) -> None:
    amounts = facts(name).amounts
    assert list(amounts) == sorted(set(amounts))
    assert amounts[0] > 0
    images, draws = world(shape)
    changes = [float((corrupt(name, images, draws, s) - images).square().mean().sqrt()) for s in (0, *STRENGTHS)]
    assert changes == sorted(changes)
    assert len(set(changes)) == 6

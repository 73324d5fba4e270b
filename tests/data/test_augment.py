"""Augmentation against slow plain twins, image by image; and that an image's change is its own."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from assay.chance import Draws
from assay.data.augment import AUGMENT, cutout, flip, shift
from assay.spec import read

CALLS = (
    "flip",
    "alternating_flip",
    "shift(pixels=2)",
    "shift(pixels=2, fill='mirror')",
    "cutout(size=3)",
    "cutout(size=4)",
)


def noise(n: int, channels: int = 2, height: int = 5, width: int = 7) -> Tensor:
    """Without a 0, so that black is what came in."""
    generator = torch.Generator().manual_seed(5)
    return torch.randint(1, 256, (n, channels, height, width), generator=generator, dtype=torch.uint8)


def draws(n: int, seed: int = 0) -> Draws:
    return Draws(seed, torch.arange(n) * 3 + 100)


def mirrored(image: np.ndarray) -> np.ndarray:
    twin = image.copy()
    for column in range(image.shape[2]):
        twin[:, :, column] = image[:, :, image.shape[2] - 1 - column]
    return twin


def moved(image: np.ndarray, down: int, right: int) -> np.ndarray:
    twin = np.zeros_like(image)
    for row in range(image.shape[1]):
        for column in range(image.shape[2]):
            if 0 <= row - down < image.shape[1] and 0 <= column - right < image.shape[2]:
                twin[:, row, column] = image[:, row - down, column - right]
    return twin


def holed(image: np.ndarray, top: int, left: int, size: int) -> np.ndarray:
    twin = image.copy()
    for row in range(top, top + size):
        for column in range(left, left + size):
            if 0 <= row < image.shape[1] and 0 <= column < image.shape[2]:
                twin[:, row, column] = 0
    return twin


def check_each_is_a_twin(changed: Tensor, images: Tensor, twins: list[Callable[[np.ndarray], np.ndarray]]) -> None:
    """Each image is what one of the twins makes of it, and every twin has its share of the images."""
    counts = [0] * len(twins)
    for image, found in zip(images.numpy(), changed.numpy(), strict=True):
        same = next((number for number, twin in enumerate(twins) if np.array_equal(twin(image), found)), None)
        assert same is not None, "no twin makes this image"
        counts[same] += 1
    fair = len(images) / len(twins)
    assert min(counts) > 0, "a change that never happens"
    assert max(counts) < fair + 5 * fair**0.5, "a change that happens too often"


def check_flip() -> None:
    images = noise(200)
    check_each_is_a_twin(flip(images, draws(200), 0), images, [lambda image: image, mirrored])


def check_shift() -> None:
    images, pixels = noise(300), 2
    places = [(down, right) for down in range(-pixels, pixels + 1) for right in range(-pixels, pixels + 1)]
    twins = [lambda image, place=place: moved(image, *place) for place in places]
    check_each_is_a_twin(shift(images, draws(300), 0, pixels=pixels), images, twins)


def check_cutout() -> None:
    """The centre anywhere: of a square of even size that is the lower right of the four in the middle."""
    for size in (1, 4):
        images = noise(400)
        centres = [(row, column) for row in range(5) for column in range(7)]
        twins = [
            lambda image, row=row, column=column, size=size: holed(image, row - size // 2, column - size // 2, size)
            for row, column in centres
        ]
        check_each_is_a_twin(cutout(images, draws(400), 0, size=size), images, twins)


def check_company() -> None:
    """An image changes as it would alone, in another order, in another batch."""
    for text in CALLS:
        change, images = read(text, AUGMENT, "augmentation"), noise(30)
        whole = change(images, draws(30), 0)
        for rows in (torch.arange(30).flip(0), torch.tensor([17]), torch.arange(4, 9)):
            assert torch.equal(change(images[rows], draws(30)[rows], 0), whole[rows]), f"{text} looks at its neighbours"
        others = change(images.flip(0), draws(30), 0)
        assert torch.equal(change(images.flip(0)[:1], draws(30)[:1], 0), others[:1])


@pytest.mark.parametrize("check", [check_flip, check_shift, check_cutout, check_company])
def test_augmentation(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("text", CALLS)
def test_what_comes_in_goes_out(text: str) -> None:
    change, images = read(text, AUGMENT, "augmentation"), noise(20)
    before, found = images.clone(), change(images, draws(20), 0)
    assert torch.equal(images, before)
    assert (found.dtype, found.shape) == (images.dtype, images.shape)
    pixels = change(images.float() / 255, draws(20), 0)
    assert pixels.dtype == torch.float32
    assert torch.equal(pixels, found.float() / 255)


@pytest.mark.parametrize("text", CALLS)
def test_the_same_draws_give_the_same_and_others_do_not(text: str) -> None:
    change, images = read(text, AUGMENT, "augmentation"), noise(20)
    assert torch.equal(change(images, draws(20), 0), change(images, draws(20), 0))
    assert not torch.equal(change(images, draws(20), 0), change(images, draws(20, seed=1), 0))


@pytest.mark.parametrize(("text", "what"), [("shift(pixels=3)", "shift: pixels"), ("cutout(size=40)", "cutout: size")])
def test_what_would_take_the_whole_image_is_refused(text: str, what: str) -> None:
    with pytest.raises(ValueError, match=f"^{what} must be at most 2 for these images, got "):
        read(text, AUGMENT, "augmentation")(noise(50, height=3, width=4), draws(50), 0)


def test_names_and_settings() -> None:
    assert list(AUGMENT) == ["alternating_flip", "cutout", "flip", "shift"]
    with pytest.raises(
        ValueError, match="unknown augmentation 'flop'; there are alternating_flip, cutout, flip, shift; did you mean"
    ):
        read("flop", AUGMENT, "augmentation")
    with pytest.raises(ValueError, match="shift: pixels must be at least 1, got 0"):
        read("shift(pixels=0)", AUGMENT, "augmentation")

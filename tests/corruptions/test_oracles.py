"""Each corruption against somebody else's: scipy, the standard library, and plain loops."""

import colorsys
import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage

from assay.chance import Draws
from assay.corruptions import corrupt, facts
from assay.corruptions.moved import mirrored
from assay.corruptions.rotation import rotation
from assay.corruptions.shift import shift

SHAPE, STRENGTHS = (3, 17, 24), (1, 3, 5)
DRAWS = Draws(3, torch.arange(4) * 11)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand((4, *SHAPE), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("strength", STRENGTHS)
def test_blur_is_scipys(images: torch.Tensor, strength: int) -> None:
    sigma = facts("blur").amounts[strength - 1] * 17
    wanted = ndimage.gaussian_filter(images.numpy(), (0, 0, sigma, sigma), mode="mirror", truncate=4)
    assert np.allclose(corrupt("blur", images, DRAWS, strength), wanted, atol=1e-6)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_contrast_by_hand(images: torch.Tensor, strength: int) -> None:
    left = (0.75, 0.5, 0.4, 0.3, 0.15)[strength - 1]
    mean = images.numpy().mean((2, 3), keepdims=True)
    wanted = np.clip((images.numpy() - mean) * left + mean, 0, 1)
    assert np.allclose(corrupt("contrast", images, DRAWS, strength), wanted, atol=1e-6)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_brightness_is_the_value_of_hsv(images: torch.Tensor, strength: int) -> None:
    images[0, :, 0, 0] = 0  # black
    amount, found = facts("brightness").amounts[strength - 1], corrupt("brightness", images, DRAWS, strength)
    for row in range(2):
        for y, x in ((0, 0), (3, 5), (16, 23), (8, 1)):
            hue, saturation, value = colorsys.rgb_to_hsv(*images[row, :, y, x].tolist())
            wanted = colorsys.hsv_to_rgb(hue, saturation, min(1.0, value + amount))
            assert found[row, :, y, x].tolist() == pytest.approx(wanted, abs=1e-6)
    grey = corrupt("brightness", images[:, :1], DRAWS, strength)
    assert torch.allclose(grey, (images[:, :1] + amount).clamp(max=1), atol=1e-6)


@pytest.mark.parametrize("strength", STRENGTHS)
def test_noise_is_normal_with_that_deviation_and_the_same_at_every_strength(strength: int) -> None:
    grey = torch.full((8, 1, 64, 64), 0.5)
    amount = facts("noise").amounts[strength - 1]
    added = (corrupt("noise", grey, Draws(0, torch.arange(8)), strength) - 0.5).double() / amount
    assert float(added.mean()) == pytest.approx(0, abs=5 / math.sqrt(8 * 64 * 64))
    assert float(added.std()) == pytest.approx(1, abs=5 / math.sqrt(2 * 8 * 64 * 64))
    first = (corrupt("noise", grey, Draws(0, torch.arange(8)), 1) - 0.5).double() / facts("noise").amounts[0]
    assert torch.allclose(added, first, atol=1e-5)


@pytest.mark.parametrize("amount", [6.0, 30.0, 90.0])
def test_rotation_is_scipys(images: torch.Tensor, amount: float) -> None:
    """To one side or the other; both occur."""
    found, sides = rotation(images, DRAWS, amount).numpy(), set()
    centre = (np.array(SHAPE[1:]) - 1) / 2
    for row, image in enumerate(images.numpy()):
        errors = {}
        for side in (-1, 1):
            cosine, sine = np.cos(np.radians(amount)), side * np.sin(np.radians(amount))
            turn = np.array([[cosine, sine], [-sine, cosine]])
            turned = [
                ndimage.affine_transform(channel, turn, centre - turn @ centre, order=1, mode="mirror")
                for channel in image
            ]
            errors[side] = float(np.abs(np.stack(turned) - found[row]).max())
        side = min(errors, key=errors.__getitem__)
        sides.add(side)
        assert errors[side] < 1e-5
    assert sides == {-1, 1}


def test_rotation_by_90_degrees_is_exact_and_pillow_turns_the_same_way(images: torch.Tensor) -> None:
    square = images[:, :, :, :17]
    found = rotation(square, DRAWS, 90.0)
    for row in range(4):
        ways = [torch.rot90(square[row], k, (1, 2)) for k in (1, -1)]
        assert min(float((found[row] - way).abs().max()) for way in ways) < 1e-6
    slow = rotation(square, DRAWS, 24.0)[:, 0, 5:12, 5:12]  # the middle, where no edge is seen
    for row in range(4):
        picture = Image.fromarray(square[row, 0].numpy())
        turned = [np.asarray(picture.rotate(way * 24, Image.Resampling.BILINEAR))[5:12, 5:12] for way in (1, -1)]
        assert min(float(np.abs(slow[row].numpy() - one).max()) for one in turned) < 1e-4


@pytest.mark.parametrize("amount", [0.02, 0.1, 0.3])
def test_shift_is_scipys(images: torch.Tensor, amount: float) -> None:
    """By amount × the shorter side, in whichever of the 360 directions it drew."""
    found = shift(images, DRAWS, amount).numpy()
    drawn = DRAWS.integers(360, (), "corruptions", "shift").tolist()
    assert len(set(drawn)) > 1
    for row, degrees in enumerate(drawn):
        down, right = (amount * 17 * f(math.radians(degrees)) for f in (math.sin, math.cos))
        wanted = ndimage.shift(images[row].numpy(), (0, -down, -right), order=1, mode="mirror")
        assert np.allclose(found[row], wanted, atol=1e-5)


def test_mirrored_places() -> None:
    wanted = np.pad(np.arange(4), (9, 9), mode="reflect")[4:18]
    assert mirrored(torch.arange(-5, 9), 4).tolist() == wanted.tolist()
    assert mirrored(torch.arange(-3, 3), 1).tolist() == [0] * 6

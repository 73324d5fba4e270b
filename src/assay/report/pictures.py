"""Arrays as pictures inside the page, one pixel for a pixel; CSS makes them large."""

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from PIL import Image

from assay.report.html import fill

COLUMNS, GAP = 8, 2  # of a montage: how many tiles beside each other, and how many pixels between them
GREY, WHITE = 128, 255  # what can stand between
EXACT = 64 * 64  # pixels: photographs up to that size are always exact
FINE = 96  # pixels: wider pictures are not drawn as squares
LUMA = np.array([0.299, 0.587, 0.114])  # how bright red, green and blue are to the eye (ITU-R BT.601)
RED = np.array([0.85, 0.0, 0.1])


def picture(pixels: np.ndarray, alt: str, kind: str = "pixels", width: str = "", exact: bool = False) -> Markup:
    """An <img> of uint8 (H, W, 1 or 3); `kind` is its class, `width` its CSS width.

    A large photograph is packed so that the eye sees no difference, in a sixth of the bytes, unless it shall be exact.
    """
    photograph = pixels.shape[2] == 3 and pixels.shape[0] * pixels.shape[1] > EXACT
    kind += " fine" if kind == "pixels" and pixels.shape[1] > FINE else ""
    template = """<img class="{{ kind }}"{% if width %} style="width: {{ width }}"{% endif %}
 src="{{ source }}" alt="{{ alt }}">"""
    return fill(template, source=source(pixels, photograph, exact), alt=alt, kind=kind, width=width)


def source(pixels: np.ndarray, photograph: bool, exact: bool) -> str:
    """The address of a picture that holds it itself; see `picture`."""
    buffer, image = io.BytesIO(), _smallest(pixels)
    photograph &= image.mode == "RGB"
    packed: dict[str, Any] = {"quality": 90, "lossless": exact} if photograph else {"optimize": True}
    form = "WEBP" if photograph else "PNG"
    image.save(buffer, form, **packed)
    return f"data:image/{form.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def sprite(frames: np.ndarray) -> str:
    """Frames (F, C, h, w) of [0, 1] beside each other, as an address; large photographs as the eye sees them."""
    return source(upright(eight_bit(beside(frames))), photograph=not is_exact(frames.shape[1:]), exact=False)


def is_exact(shape: Sequence[int]) -> bool:
    """Whether a sprite of images (C, h, w) holds every pixel as it is."""
    return shape[0] == 1 or shape[1] * shape[2] <= EXACT


def upright(image: np.ndarray) -> np.ndarray:
    """(C, H, W), as images are kept, to (H, W, C), as they are drawn."""
    return np.moveaxis(image, 0, 2)


def beside(images: np.ndarray) -> np.ndarray:
    """Images (n, C, h, w) as one, beside each other."""
    return np.concatenate(list(images), axis=2)


def _smallest(pixels: np.ndarray) -> Image.Image:
    """The same colours exactly, as a palette where that is possible: a third of the bytes."""
    if pixels.shape[2] == 1:
        return Image.fromarray(pixels[..., 0])
    colours, place = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colours) > 256:
        return Image.fromarray(pixels)
    image = Image.fromarray(place.reshape(pixels.shape[:2]).astype(np.uint8), "P")
    image.putpalette(colours.tobytes())
    return image


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """Float pixels of [0, 1] as uint8, for the eye alone."""
    return np.round(np.nan_to_num(np.clip(pixels, 0, 1)) * 255).astype(np.uint8)


def signed(delta: np.ndarray, largest: float) -> np.ndarray:
    """A change (C, H, W) from -largest to largest, drawn: blue, white, red for one channel; around grey for three."""
    unit = np.clip(delta / largest, -1, 1) / 2 + 0.5 if largest else np.full_like(delta, 0.5)
    return _coloured(unit[0], "RdBu_r") if len(delta) == 1 else upright(eight_bit(unit))


def palette() -> str:
    """The colours of `signed` for one channel: 256 of them, six hexadecimal digits each."""
    found: np.ndarray = _coloured(np.arange(256) / 255, "RdBu_r")
    return found.tobytes().hex()


def heat(values: np.ndarray, largest: float) -> np.ndarray:
    """Numbers (h, w) from 0 to largest, dark to bright."""
    return _coloured(values / largest if largest else np.zeros_like(values), "magma")


def reddened(image: np.ndarray, values: np.ndarray, largest: float) -> np.ndarray:
    """An image, uint8 (C, H, W), in pale grey, and red over it in proportion to numbers (H, W) from 0 to largest."""
    grey = image[0] if len(image) == 1 else np.tensordot(LUMA, image, 1)
    pale = np.repeat((0.7 + 0.3 * grey[..., None] / 255), 3, axis=2)
    share = np.clip(values / largest, 0, 1)[..., None] if largest else np.zeros((*values.shape, 1))
    return eight_bit(pale * (1 - share) + RED * share)


def spread_over(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Numbers (h, w) on as many pixels as `size` says: each pixel has that of the place in which its middle lies."""
    down, across = (
        ((np.arange(large) + 0.5) * small / large).astype(int) for small, large in zip(values.shape, size, strict=True)
    )
    return values[down][:, across]


def montage(tiles: list[np.ndarray], alt: str, framed: Sequence[int] = (), between: int = GREY) -> Markup:
    """Pictures of one size, uint8 (h, w, 3), in rows of eight as one <img>, those that are framed in a black frame.

    Each is drawn 24 to 48 pixels wide, so that thin lines part them well: the small ones larger, and of the large
    ones the mean of several pixels.
    """
    tiles = [_sized(tile) for tile in tiles]
    for number in framed:
        for edge in (np.s_[:3], np.s_[-3:], np.s_[:, :3], np.s_[:, -3:]):
            tiles[number][edge] = 0
    columns, height, width = min(COLUMNS, len(tiles)), tiles[0].shape[0] + GAP, tiles[0].shape[1] + GAP
    whole = np.full((-(-len(tiles) // columns) * height + GAP, columns * width + GAP, 3), between, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * height + GAP, number % columns * width + GAP
        whole[top : top + height - GAP, left : left + width - GAP] = tile
    return picture(whole, alt, "pixels montage", f"min(100%, {columns * 3.2:.4g}rem)")


def _sized(tile: np.ndarray) -> np.ndarray:
    height, width = tile.shape[:2]
    if (fewer := -(-max(height, width) // 48)) > 1:
        down, across = min(fewer, height), min(fewer, width)
        kept = tile[: height // down * down, : width // across * across].astype(float)
        return np.round(kept.reshape(height // down, down, width // across, across, 3).mean((1, 3))).astype(np.uint8)
    more = -(-24 // max(height, width))
    return tile.repeat(more, 0).repeat(more, 1)


def classes(numbers: np.ndarray) -> np.ndarray:
    """Class numbers (h, w) as colours."""
    return _coloured((numbers % 20) / 20 + 0.025, "tab20")


def swatch(number: int) -> str:
    """The colour of a class number in `classes`, for CSS."""
    red, green, blue = classes(np.array([[number]]))[0, 0]
    return f"rgb({red}, {green}, {blue})"


def _coloured(unit: np.ndarray, name: str) -> np.ndarray:
    coloured: np.ndarray = colormaps[name](np.clip(unit, 0, 1), bytes=True)[..., :3]
    return coloured

"""Arrays as pictures: PNG at one pixel for a pixel, inside the page; CSS makes them large."""

import base64
import io

import numpy as np
from markupsafe import Markup
from matplotlib import colormaps
from PIL import Image

from assay.report.html import fill


def picture(pixels: np.ndarray, alt: str) -> Markup:
    """An <img> of uint8 (C, H, W) with 1 or 3 channels, or (H, W, 3)."""
    if pixels.shape[0] in (1, 3) and pixels.shape[-1] != 3:
        pixels = np.moveaxis(pixels, 0, 2)
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG", optimize=True)
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return fill('<img class="pixels" src="{{ source }}" alt="{{ alt }}">', source=source, alt=alt)


def eight_bit(pixels: np.ndarray) -> np.ndarray:
    """Float pixels of [0, 1] as uint8, for the eye alone."""
    return np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def signed(delta: np.ndarray, largest: float) -> np.ndarray:
    """A change (C, H, W) between -largest and largest: blue, white, red for one channel; around grey for three."""
    unit = np.clip(delta / largest, -1, 1) / 2 + 0.5 if largest else np.full_like(delta, 0.5)
    return _coloured(unit[0], "RdBu_r") if len(delta) == 1 else eight_bit(unit)


def heat(values: np.ndarray, largest: float) -> np.ndarray:
    """Numbers (h, w) from 0 to largest, dark to bright."""
    return _coloured(values / largest if largest else np.zeros_like(values), "magma")


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

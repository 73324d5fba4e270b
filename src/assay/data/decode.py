"""From the bytes of a picture to pixels: one image of any kind that Pillow reads, or many of them in parallel."""

import io
import itertools
import os
import stat
import warnings
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from assay.files import printable, reason

Encoded = Path | bytes | np.ndarray
MOST_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485  # Pillow's own limit, above which it warns of a bomb
CHUNK = 32  # images that a thread takes at a time
GREY = ("1", "L", "LA", "La", "I", "F")
SIXTEEN = 1 << 16
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # of EXIF: the values that exchange width and height
SPEAKS_OF_IT = {"exif", "xmp", "Raw profile type exif"}  # what Pillow has found in a header

Image.init()
USUAL = ("JPEG", "PNG")  # tried first: a fifteenth of the time
FORMATS = (*USUAL, *sorted(set(Image.OPEN) - {*USUAL, "EPS"}))  # for an EPS Pillow starts another program, Ghostscript
EXTENSIONS = frozenset(ending for ending, kind in Image.registered_extensions().items() if kind in FORMATS)


@dataclass(frozen=True)
class Unreadable:
    """In place of an image: what it is called, and why it cannot be read."""

    name: str
    why: str


def decode(encoded: Encoded, shape: tuple[int, int, int]) -> np.ndarray:
    """uint8 `(C, H, W)`: turned as its EXIF says, laid on white where it is transparent, of an animation the first
    picture, 16 bits rounded down to 8, resized so that it covers H×W, and cut at its centre.

    Raises whatever Pillow raises for bytes that are no image, and ValueError for one that is too large.
    """
    if isinstance(encoded, np.ndarray):
        return encoded
    channels, height, width = shape
    with _opened(encoded) as image:
        if image.format == "JPEG":  # a large one is decoded at a fraction of its size
            image.draft(None, (max(height, width), max(height, width)))
        image.load()
        turned = ImageOps.exif_transpose(image) if image.format == "TIFF" or _speaks_of_exif(image) else image
        found = _plain(turned, "L" if channels == 1 else "RGB")
        if found.size != (width, height):
            found = ImageOps.fit(found, (width, height), Image.Resampling.BICUBIC)
        return np.asarray(found).reshape(height, width, channels).transpose(2, 0, 1)


def probe(encoded: Encoded) -> tuple[int, int, int]:
    """(C, H, W) of an image from its header alone. Raises as `decode` does."""
    if isinstance(encoded, np.ndarray):
        return encoded.shape[0], encoded.shape[1], encoded.shape[2]
    with _opened(encoded) as image:
        # of a TIFF Pillow tells the size as turned
        turned = image.format != "TIFF" and _speaks_of_exif(image) and image.getexif().get(ORIENTATION) in TURNED
        width, height = image.size[::-1] if turned else image.size
        return 1 if image.mode in GREY or image.mode.startswith("I;16") else 3, height, width


def each(pictures: Iterable[tuple[str, Encoded]], shape: tuple[int, int, int] | None) -> Generator[Any, None, None]:
    """What `decode` (or, without a shape, `probe`) says of each picture, in order, or why it is Unreadable.

    On all cores, and never more than a few hundred pictures ahead of who asks.
    """
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    stream, waiting = iter(pictures), deque[Future[list[Any]]]()
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # of odd metadata; what cannot be read raises
        try:
            while chunk := list(itertools.islice(stream, CHUNK)):
                waiting.append(pool.submit(_chunk, chunk, shape))
                if len(waiting) > 2 * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)  # who asks may have had enough


def _chunk(pictures: list[tuple[str, Encoded]], shape: tuple[int, int, int] | None) -> list[Any]:
    found: list[Any] = []
    for name, encoded in pictures:
        try:
            found.append(decode(encoded, shape) if shape else probe(encoded))
        except Exception as error:  # each of Pillow's formats raises its own
            found.append(Unreadable(printable(name), printable(_why(error))))
    return found


def _why(error: Exception) -> str:
    """The reason, without the address in memory and the path that Pillow and the system put into it."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no image, or of a kind that nobody here knows"
    if isinstance(error, MemoryError):
        return "it takes more memory than there is"
    return getattr(error, "strerror", None) or reason(error)


def _opened(encoded: Path | bytes) -> Image.Image:
    if isinstance(encoded, Path) and not stat.S_ISREG(encoded.stat().st_mode):  # from a pipe one would wait for ever
        raise ValueError("it is no file")
    if not (encoded if isinstance(encoded, bytes) else encoded.stat().st_size):
        raise ValueError("it is empty")
    image = Image.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded, formats=FORMATS)
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise ValueError(f"it has {image.width}×{image.height} pixels, at most {MOST_PIXELS} in all")
    return image


def _speaks_of_exif(image: Image.Image) -> bool:
    """Whether it is worth to read it, which takes as long as to decode a small image."""
    return not SPEAKS_OF_IT.isdisjoint(image.info)


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """The image in mode L or RGB."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return image if image.mode == mode else image.convert(mode)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Of 16 bits the upper 8; of floating-point numbers those in [0, 1]."""
    values = np.asarray(image)
    most = 1.0 if image.mode == "F" else SIXTEEN - 1
    if not (values.min() >= 0 and values.max() <= most):  # NaN, too
        raise ValueError(f"its pixels run from {values.min():g} to {values.max():g}, 0 to {most:g} wanted")
    return Image.fromarray((np.round(values * 255.0) if image.mode == "F" else values // 256).astype(np.uint8))

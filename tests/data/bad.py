"""What the tests of broken data share: a small good folder to spoil, and pictures made by hand."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from assay.data import ImageSet, Wish, load
from tests.mistakes.saying import Say, say

__all__ = ["refuse", "say"]
Refuse = Callable[..., str]

N = 12  # images of each class


def shade(value: int, size: tuple[int, int] = (6, 5), kind: str = "PNG", **options: Any) -> bytes:
    """A grey rectangle of width × height."""
    return encoded(Image.new("L", size, value), kind, **options)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def good(path: Path, *classes: str, n: int = N) -> Path:
    """n images of each class, and every image another shade."""
    for number, name in enumerate(classes or ("cat", "dog")):
        (path / name).mkdir(parents=True)
        for row in range(n):
            (path / name / f"{row:02}.png").write_bytes(shade(number * n + row))
    return path


def png_header(width: int, height: int) -> bytes:
    """A PNG that says that it is large, and holds a line of zeros."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


def splits(path: Path, **wish: Any) -> dict[str, ImageSet]:
    return {split: load(f"folder:{path}", split, wish=Wish(**wish)) for split in ("train", "validation", "test")}


def only(path: Path, content: bytes, channels: int = 3, size: tuple[int, int] | None = None) -> np.ndarray:
    """The pixels (C, H, W) that one image comes to, in a folder where all are that image."""
    for name in ("cat", "dog"):
        (path / name).mkdir(parents=True)
        for row in range(3):
            (path / name / f"{row}.png").write_bytes(content)
    return load(f"folder:{path}", "train", wish=Wish(channels, size)).images[0].numpy()


@pytest.fixture
def refuse(say: Say) -> Refuse:
    """A mistake: exit 2, nothing on stdout, and on stderr, when the progress bars are gone, one line."""

    def run(*words: object) -> str:
        said = say(*words)
        line = said.err.split("\r")[-1]
        assert (said.code, said.out) == (2, ""), said
        assert line.startswith("assay: "), said.err
        assert line.count("\n") == 1, said.err
        assert line.rstrip("\n").isprintable()
        return line.removeprefix("assay: ").strip()

    return run

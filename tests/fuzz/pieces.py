"""What the readers are fed from: bytes taken as choices, valid seeds, and values that are wrong in some way."""

import contextlib
import gzip
import io
import json
import pickle
import struct
import tarfile
import warnings
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
import torch
from PIL import Image

from assay.data.decode import FORMATS

NASTY: list[Any] = [
    *(None, True, False, "", "x", "0", "<script>", "$\\frac$", "a\nb", "\x1b[31m", "\ud800", "x" * 500, "linf", "maps"),
    *(0, 1, 2, -1, 255, 2**31, 2**63, -(2**63), 2**200, 0.5, 1e308, -1e308, 1e-320, float("nan"), float("inf")),
    *([], {}, [[]], [0], [0, 0], [-1], ["a"], ["a", "a"], [None], [2**70], [1e308], {"a": 1}, {"": None}),
]


class Choices:
    """Bytes, taken from the front: numbers, members, and what is left."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, n: int) -> bytes:
        taken, self.data = self.data[:n], self.data[n:]
        return taken

    def number(self, below: int) -> int:
        return int.from_bytes(self.take(2), "little") % below

    def one(self, members: Sequence[Any]) -> Any:
        return members[self.number(len(members))]


@contextlib.contextmanager
def allowed() -> Iterator[None]:
    """Only ValueError in words, and OSError with the system's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (ValueError, OSError) as error:
        wrong = isinstance(error, UnicodeError) or not (getattr(error, "strerror", None) or str(error).strip())
        if wrong or (isinstance(error, OSError) and not error.strerror):
            raise AssertionError(f"no line for a person: {error!r}") from error


def idx_file(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape) + array.tobytes()


def with_sums(data: bytes) -> bytes:
    """The same PNG, or tar file, with the checksums that belong to it: what is behind them is reached."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        parts, place = [data[:8]], 8
        while place + 12 <= len(data):
            size = min(int.from_bytes(data[place : place + 4]), len(data) - place - 12)
            body = data[place + 4 : place + 8 + size]
            parts.append(data[place : place + 4] + body + zlib.crc32(body).to_bytes(4))
            place += 12 + size
        return b"".join(parts)
    blocks = bytearray(data)
    for place in range(0, len(data) - 511, 512):
        if data[place + 257 : place + 262] == b"ustar":
            blocks[place + 148 : place + 156] = b" " * 8
            blocks[place + 148 : place + 156] = b"%06o\0 " % sum(blocks[place : place + 512])
    return bytes(blocks)


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def parquet_file(images: list[Any], labels: Any, about: dict[bytes, bytes] | None = None, **options: Any) -> bytes:
    table = pa.table({"image": pa.array(images), "label": labels if isinstance(labels, pa.Array) else pa.array(labels)})
    buffer = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(about), buffer, **options)
    return buffer.getvalue()


def picture(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (5, 4), **options: Any) -> bytes:
    width, height = size
    ramp = (np.arange(width * height * 4) * 37 % 256).astype(np.uint8).reshape(height, width, 4)
    buffer = io.BytesIO()
    Image.fromarray(ramp, "RGBA").convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def pictures() -> list[bytes]:
    """A small image of every kind that Pillow writes, in the modes that it writes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of them will be gone one day
        return [*_of_every_kind(), *_special()]


def _of_every_kind() -> list[bytes]:
    found = []
    for kind in FORMATS:
        for mode in ("RGB", "L", "P", "RGBA", "1", "CMYK"):
            try:
                found.append(picture(kind, mode))
            except (OSError, ValueError, KeyError):  # what Pillow does not write
                continue
    return found


def _special() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = [picture(kind, "RGB", exif=exif) for kind in ("JPEG", "PNG", "WEBP", "TIFF")]
    frames = [Image.new("L", (5, 4), shade) for shade in (0, 99, 200)]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
        found.append(buffer.getvalue())
    for array in (np.full((4, 5), 40000, np.uint16), np.full((4, 5), 0.5, np.float32)):
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "TIFF")
        found.append(buffer.getvalue())
    return found


def parquets() -> list[bytes]:
    png = picture()
    names = json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"]}}}}).encode()
    structs = [{"bytes": png, "path": None}] * 12
    return [
        parquet_file([png] * 12, [0, 1] * 6),
        parquet_file([png] * 12, ["cat", "dog"] * 6, compression="none", use_dictionary=False),
        parquet_file(structs, [0, 1] * 6, {b"huggingface": names}, compression="gzip"),
    ]


def weights() -> list[bytes]:
    """Of each form that a torch file has, and a pickle alone."""
    found = []
    tensors = {"a.weight": torch.ones(2, 3), "a.bias": torch.zeros(2)}
    for content in (tensors, {"state_dict": tensors}):
        for new in (True, False):
            buffer = io.BytesIO()
            torch.save(content, buffer, _use_new_zipfile_serialization=new)
            found.append(buffer.getvalue())
    arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
    return [*found, safetensors.numpy.save(arrays), pickle.dumps({"a": 1}, 2)]


def idx_seeds() -> list[bytes]:
    plain = idx_file(np.arange(60, dtype=np.uint8).reshape(3, 4, 5))
    return [b"\0" + plain, b"\1" + plain, b"\2" + gzip.compress(plain, mtime=0)]

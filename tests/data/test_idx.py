"""IDX files that are truncated, corrupt, of another kind, or that lie about their size."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from assay.data.idx import read_idx

SHAPE = (3, 4, 5)
ARRAY = np.arange(60, dtype=np.uint8).reshape(SHAPE)


def idx(shape: tuple[int, ...] = SHAPE, kind: int = 0x08, body: bytes = ARRAY.tobytes()) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + body


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize("name", ["plain", "packed.gz"])
def test_an_array_comes_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(packed(idx()) if name.endswith(".gz") else idx())
    assert np.array_equal(read_idx(path, SHAPE), ARRAY)


BROKEN = [
    ("empty", b"", "is truncated: 0 bytes of header, 16 wanted"),
    ("header", idx()[:10], "is truncated: 10 bytes of header, 16 wanted"),
    ("body", idx()[:-1], "is truncated: 60 bytes wanted, got 59"),
    ("longer", idx() + b"x", "is longer than its header says: 60 bytes wanted, got 61\\+"),
    ("text", b"<html>404 not found</html>", "is no IDX file of bytes in 3 dimensions: it begins 3c68746d"),
    ("labels", idx((60,)), "is no IDX file of bytes in 3 dimensions: it begins 00000801"),
    ("floats", idx(kind=0x0D), "is no IDX file of bytes in 3 dimensions: it begins 00000d03"),
    ("others", idx((2, 4, 5)), "says that it holds 2 × 4 × 5 bytes, 3 × 4 × 5 wanted"),
    ("giant", idx((0xFFFFFFFF,) * 3), "says that it holds 4294967295 × 4294967295 × 4294967295 bytes"),
    ("none", idx((0, 4, 5), body=b""), "says that it holds 0 × 4 × 5 bytes"),
    ("gzip.gz", idx(), "cannot be read: Not a gzipped file"),
    ("half.gz", packed(idx())[:-20], "cannot be read: Compressed file ended before"),
    ("sum.gz", packed(idx())[:-8] + b"\0" * 8, "cannot be read: CRC check failed"),
    ("bits.gz", packed(idx())[:20] + b"\xff" * 20 + packed(idx())[40:], "cannot be read: "),
]


@pytest.mark.parametrize(("name", "content", "said"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_broken_file_is_named_with_what_is_wrong(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as error:
        read_idx(path, SHAPE)
    assert str(error.value).startswith(str(path))


@pytest.mark.parametrize("name", ["not there", "folder"])
def test_what_is_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ValueError, match=r"cannot be read: (No such file|Is a directory)"):
        read_idx(tmp_path / name, SHAPE)


def test_neither_a_bomb_nor_a_lying_header_takes_memory(tmp_path: Path) -> None:
    bomb, liar = tmp_path / "bomb.gz", tmp_path / "liar.gz"
    bomb.write_bytes(packed(idx(body=bytes(50_000_000))))
    liar.write_bytes(packed(idx((50_000, 1000, 1), body=bytes(50_000_000))))
    tracemalloc.start()
    with pytest.raises(ValueError, match="is longer than its header says"):
        read_idx(bomb, SHAPE)
    with pytest.raises(ValueError, match="says that it holds"):
        read_idx(liar, SHAPE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5_000_000

"""MNIST files as small as can be: every image a grey square, packed to some kilobytes."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from assay.data import cifar, fashion_mnist, mnist


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like $ASSAY_DATA. To read only."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "mnist").mkdir()
    for part, n in (("train", 60000), ("t10k", 10000)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.broadcast_to(labels[:, None, None] * 20, (n, 28, 28))
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            content = gzip.compress(idx(np.ascontiguousarray(array)), 1, mtime=0)
            (folder / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No data of this machine, and no network."""
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for source in (cifar, fashion_mnist, mnist):
        monkeypatch.setattr(source, "MIRRORS", ())

"""The cache of decoded images: damaged, full, read-only, shared by two processes, out of date."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from assay.data import load
from assay.data.kept import alone, signed
from tests.data.bad import N, Refuse, good, refuse, shade, splits
from tests.mistakes.saying import say

__all__ = ["refuse", "say"]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a set that has been decoded."""
    monkeypatch.chdir(tmp_path)
    splits(good(tmp_path / "set"))
    (place,) = (tmp_path / "cache/assay/decoded").glob("*/set.json")
    return place.parent


def train() -> torch.Tensor:
    return load("folder:set", "train").images.clone()


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()  # what others have mapped stays whole
    path.write_bytes(content[:-1])


def scribble(path: Path) -> None:
    path.write_bytes(b"\x93NUMPY scribble {[")


def empty(path: Path) -> None:
    path.unlink()
    path.touch()


def nest(path: Path) -> None:
    path.write_text("x\n" + "[" * 100_000)


def lie(path: Path) -> None:
    """The right form, another content."""
    if path.suffix == ".npy":
        rows = np.load(path)
        np.save(path, rows[::-1])
        return
    hash_, _, text = path.read_text().partition("\n")
    about = json.loads(text)
    path.write_text(f"{hash_}\n{json.dumps(about | {'classes': ['dog', 'cat']})}")


DAMAGES: list[tuple[str, Callable[[Path], object]]] = [
    *(("set.json", damage) for damage in (Path.unlink, cut, scribble, empty, nest, lie)),
    *(("train.rows.npy", damage) for damage in (Path.unlink, cut, scribble, empty, lie)),
    *(("test.images", damage) for damage in (Path.unlink, cut, empty)),
]


@pytest.mark.parametrize(("name", "damage"), DAMAGES, ids=[f"{name} {damage.__name__}" for name, damage in DAMAGES])
def test_what_is_damaged_is_made_again(kept: Path, name: str, damage: Callable[[Path], object]) -> None:
    before, whole = train(), (kept / "set.json").read_bytes()
    damage(kept / name)
    assert torch.equal(train(), before)
    assert (kept / "set.json").read_bytes() == whole


@pytest.mark.parametrize(
    "content", ["3", "[]", "[[3, 8, 8], []]", "{}", "null", "", "[" * 100_000], ids=lambda text: text[:9]
)
def test_a_shape_that_is_damaged_is_looked_at_again(kept: Path, content: str) -> None:
    before = train()
    (shape,) = kept.parent.glob("*/shape.json")
    shape.write_text(content)
    assert torch.equal(train(), before)
    shape.write_text(f"x\n{content}")
    assert torch.equal(train(), before)


def test_what_a_killed_process_left_is_swept_up(kept: Path) -> None:
    left = kept.with_name(f".{kept.name}.x1y2")
    left.mkdir()
    (left / "train.images").write_bytes(bytes(100))
    (kept / "set.json").unlink()
    train()
    assert not left.exists()


def test_images_that_have_changed_are_decoded_again(kept: Path) -> None:
    assert not (train() == 250).any()
    file = Path("set/cat/00.png")
    for shade_of in (250, 251):
        file.write_bytes(shade(shade_of))
        os.utime(file, ns=(shade_of, shade_of))
        assert any((one.images == shade_of).any() for one in splits(Path("set")).values())
    file.unlink()
    assert sum(map(len, splits(Path("set")).values())) == 2 * N - 1


def test_a_cache_that_cannot_be_written_says_what_to_do(
    refuse: Refuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good(tmp_path / "set")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    help_ = "; XDG_CACHE_HOME names another folder for decoded images"
    line = refuse("data", "describe", "folder:set")
    assert line.startswith(f"{tmp_path}/file/assay/decoded")
    assert line.endswith(f": Not a directory{help_}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("assay.data.decoded.whole", forbidden)  # root may write everywhere
    assert refuse("data", "describe", "folder:set").endswith(f": Permission denied{help_}")


@contextmanager
def forbidden(path: Path) -> Iterator[None]:
    raise PermissionError(13, "Permission denied", str(path))
    yield


def test_a_disk_that_is_full(refuse: Refuse, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = train()
    (kept / "set.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
        line = refuse("data", "describe", "folder:set")
        assert line == (
            f"24 images of 1 × 5 × 6 take 720 bytes, {kept.parent} has 10 free; "
            "XDG_CACHE_HOME names another folder for decoded images"
        )
    with monkeypatch.context() as patch:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patch.setattr(np, "save", full)
        line = refuse("data", "describe", "folder:set")
        assert line.startswith(f"{kept.parent}: No space left on device; XDG_CACHE_HOME names")
    assert not list(kept.parent.glob(".*"))
    assert torch.equal(train(), before)


READ = "import sys; from assay.data import load; print(load('folder:set', 'train').fingerprint)"


@pytest.mark.slow
def test_two_processes_at_once_decode_once(kept: Path) -> None:
    wanted = load("folder:set", "train").fingerprint
    shutil.rmtree(kept)
    with alone(kept, "set"):  # both wait
        both = [
            subprocess.Popen([sys.executable, "-c", READ], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for one in both:
            assert one.stderr
            assert one.stderr.readline().endswith("another process is decoding set: waiting for it\n")
        assert not kept.exists()
    said = [one.communicate(timeout=60) for one in both]
    assert [out.strip() for out, _ in said] == [wanted, wanted]
    assert sum("decode set" in err for _, err in said) == 1


def test_a_signature_covers_what_stands_beside(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = signed({"x": 1}, [tmp_path / "a"])
    (tmp_path / "a").write_bytes(b"2")
    assert signed({"x": 1}, [tmp_path / "a"]) != before

"""The readers of images and data sets, as functions of bytes."""

import contextlib
import gzip
import io
import os
import shutil
from pathlib import Path
from unittest import mock

import numpy as np

from assay.data import Wish, cifar, load
from assay.data.decode import Unreadable, _chunk
from assay.data.decoded import Source, split_rows
from assay.data.idx import read_idx
from assay.data.images import check_classes, check_labels
from assay.data.parquet import source_of
from tests.fuzz.pieces import Choices, allowed, picture, with_sums

NAMES = [
    "car",
    "Car",
    "train",
    "test",
    "val",
    "<b>",
    "x.jpg",
    "a.png",
    "b.PNG",
    ".hid",
    "é",
    "e\u0301",
    "\u202eabc",
    "🙂",
]
NAMES += ["n" * 255, "n\nl", "\x1b[31m", "plane", "c.tif", "\udcff.png"]
SHAPES = [(1, 8, 8), (3, 8, 8), (3, 4, 5), (3, 1, 1), (1, 3, 50)]


def idx(data: bytes, place: Path) -> None:
    form = data[:1]
    file = place / ("idx.gz" if form > b"\0" else "idx")
    file.write_bytes(gzip.compress(data[1:], 1) if form == b"\1" else data[1:])
    with allowed():
        assert read_idx(file, (3, 4, 5)).shape == (3, 4, 5)


def image(data: bytes, place: Path) -> None:
    data = with_sums(data) if len(data) % 4 else data
    for shape in (None, SHAPES[len(data) % len(SHAPES)]):
        with allowed():
            (found,) = _chunk([("x", data)], shape)
        if isinstance(found, Unreadable):
            assert found.why.strip()
            assert " at 0x" not in found.why
            assert found.why.isprintable(), found.why
        elif shape:
            assert (found.dtype, found.shape) == (np.uint8, shape)
        else:
            assert len(found) == 3


PARTS = {"train": ("a.bin",), "test": ("b.bin",)}
SMALL = cifar.Archive("x.tar.gz", "", "x", PARTS, 1, "names.txt")


def _use(source: Source) -> None:
    check_classes(source.name, source.classes)
    for part, labels in source.labels.items():
        check_labels(part, labels, len(source.classes))
        assert len(list(source.pictures(part))) == len(labels)
    split_rows(source)


def cifar_archive(data: bytes, place: Path) -> None:
    form, content = data[:1], data[1:]
    packed = place / "x.tar.gz"
    packed.write_bytes(content if form == b"\0" else gzip.compress(with_sums(content), 1))
    with allowed(), mock.patch.dict(cifar.IN_ALL, {"train": 20, "test": 3}):
        _use(cifar._of_archive("x", SMALL, packed))


def cifar_unpacked(data: bytes, place: Path) -> None:
    folder = place / "x"
    folder.mkdir(exist_ok=True)
    choices = Choices(data)
    records = {name: choices.take(3073 * n) for name, n in (("a.bin", 20), ("b.bin", 3))}
    for name, content in (records | {"names.txt": choices.data}).items():
        (folder / name).write_bytes(content)
    with allowed(), mock.patch.dict(cifar.IN_ALL, {"train": 20, "test": 3}):
        _use(cifar._of_archive("x", SMALL, folder / "names.txt"))


def _load(name: str, place: Path, wish: Wish) -> None:
    with mock.patch.dict(os.environ, {"XDG_CACHE_HOME": str(place / "cache")}):
        try:
            with allowed(), contextlib.redirect_stderr(io.StringIO()):
                assert len(load(name, "train", wish=wish))
        finally:
            shutil.rmtree(place / "cache", ignore_errors=True)


def parquet(data: bytes, place: Path) -> None:
    """Through the cache now and then, which takes long; else straight."""
    form = int.from_bytes(data[:1])
    file = place / "x.parquet"
    file.write_bytes(data[1:])
    if form % 8 == 0:
        _load(f"parquet:{file}", place, Wish(skip_bad=form > 127))
        return
    with allowed():
        source = source_of("x", {"train": [file]})
        _use(source)
        _chunk(list(source.pictures("train")), SHAPES[form % len(SHAPES)])


def folder(data: bytes, place: Path) -> None:
    top, choices = place / "tree", Choices(data)
    png = picture()
    top.mkdir()
    folders = [top]
    try:
        while choices.data and len(folders) < 40:
            new = choices.one(folders) / choices.one(NAMES)
            if not os.path.lexists(new):
                match choices.number(9):
                    case 0 | 1 | 2:
                        new.mkdir()
                        folders.append(new)
                    case 3 | 4 | 5:
                        new.with_name(f"{new.name[:240]}{choices.number(99)}.png").write_bytes(png)
                    case 6:
                        new.symlink_to(choices.one([*folders, new, "nowhere", "/dev/zero", ".."]))
                    case 7:
                        os.mkfifo(new)
                    case 8:
                        new.write_bytes(choices.take(choices.number(50)))
        _load(f"folder:{top}", place, Wish(skip_bad=bool(choices.number(2))))
    finally:
        shutil.rmtree(top)

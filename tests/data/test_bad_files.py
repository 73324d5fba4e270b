"""Parquet files and archives that hold something else, or say that they do."""

import gzip
import io
import json
import os
import tarfile
import tracemalloc
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.data import SPLITS, Wish, cifar, load
from assay.data.parquet import source_of
from tests.data.bad import Refuse, refuse, shade
from tests.fuzz.pieces import archive
from tests.mistakes.saying import Say, say

__all__ = ["refuse", "say"]
N = 12
IMAGES = [shade(row) for row in range(N)]
LABELS = [0, 1] * (N // 2)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, about: dict[bytes, bytes] | None = None, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(about), path)
    return path


def describe(path: Path, *more: str) -> tuple[object, ...]:
    return ("data", "describe", f"parquet:{path}", *more)


NO_SET: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"text": ["a"] * N, "label": LABELS}, "wants a column of images (bytes) and one of labels"),
    "no labels": ({"image": IMAGES}, "wants a column of images (bytes) and one of labels"),
    "yes and no": (
        {"image": IMAGES, "label": [True, False] * 6},
        "(numbers or text), it has image: binary, label: bool",
    ),
    "fractions": ({"image": IMAGES, "label": [0.5] * N}, "it has image: binary, label: double"),
    "no rows": ({"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())}, "holds no rows"),
    "a label missing": ({"image": IMAGES, "label": [*LABELS[1:], None]}, "row 11: label is missing"),
    "below 0": ({"image": IMAGES, "label": [-1] * N}, "labels run from -1 to -1, which are no classes"),
    "huge": ({"image": IMAGES, "label": [0] * 11 + [2**60]}, "labels run from 0 to 1152921504606846976, which are no"),
    "beyond": (
        {"image": IMAGES, "label": pa.array([2**64 - 1] * N, pa.uint64())},
        "labels run from 18446744073709551615 to 18446744073709551615, which are no classes",
    ),
    "escape": ({"image": IMAGES, "label": ["a", "\x1b[2J"] * 6}, "a class is called '\\x1b[2J': printable text wanted"),
    "no image at all": (
        {"image": pa.array([None] * N, pa.binary()), "label": LABELS},
        "row 0 cannot be read: it is empty",
    ),
    "one null": ({"image": [*IMAGES[:5], None, *IMAGES[6:]], "label": LABELS}, "row 5 cannot be read: it is empty"),
    "paths": (
        {"image": [{"bytes": None, "path": f"a/{row}.png"} for row in range(N)], "label": LABELS},
        "wants a column of images (bytes)",
    ),
    "paths beside bytes": (
        {"image": [{"bytes": b"", "path": f"a/{row}\x1b.png"} for row in range(N)], "label": LABELS},
        "row 0 (a/0\\x1b.png) cannot be read: it is empty",
    ),
    "one class": ({"image": IMAGES[:1], "label": [0]}, "holds 1 images to train on, which is too few"),
}


@pytest.mark.parametrize("kind", NO_SET)
def test_a_parquet_file_that_is_no_set(refuse: Refuse, here: Path, kind: str) -> None:
    columns, said = NO_SET[kind]
    line = refuse(*describe(write(here / "x.parquet", **columns)))
    assert said in line
    assert line.startswith((f"{here}/x.parquet", "x: ", "x holds"))


BROKEN = {
    "empty": b"",
    "text": b"PAR1 is what it should begin with",
    "half": b"PAR1" + bytes(50),
    "giant footer": b"PAR1" + bytes(50) + (2**31 - 1).to_bytes(4, "little") + b"PAR1",
    "negative footer": b"PAR1" + bytes(50) + b"\xff\xff\xff\xffPAR1",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_is_no_parquet(refuse: Refuse, here: Path, kind: str) -> None:
    (here / "x.parquet").write_bytes(BROKEN[kind])
    assert refuse(*describe(here / "x.parquet")).startswith(f"{here}/x.parquet is no Parquet file, or damaged: ")


def test_what_is_no_file_is_not_waited_for(refuse: Refuse, here: Path) -> None:
    (here / "set/x.parquet").mkdir(parents=True)
    assert refuse(*describe(here / "set")) == f"{here}/set/x.parquet is no file"
    (here / "set/x.parquet").rmdir()
    assert refuse(*describe(here / "set")) == f"parquet:{here}/set holds no .parquet file"
    os.mkfifo(here / "set/x.parquet")
    assert refuse(*describe(here / "set")) == f"{here}/set/x.parquet is no file"
    assert refuse(*describe(here / "none")) == f"parquet:{here}/none is not there"


def test_a_bit_in_a_header_does_not_blacken_images(here: Path) -> None:
    """Found by fuzzing: of a page that says 16 rows for 0 Arrow gave none, and the images were black."""
    file = write(here / "x.parquet", image=IMAGES[:1] * N, label=LABELS)  # one image, and a page of its number
    whole, read = file.read_bytes(), 0
    for place in range(4, 200):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 16]) + whole[place + 1 :])
        try:
            source = source_of("x", {"train": [file]})
            assert len(list(source.pictures("train"))) == len(source.labels["train"])
            read += 1
        except ValueError as error:
            said = str(error)
            assert said.startswith((f"{file} is no Parquet file, or damaged: ", "x: labels run"))
    assert read


def test_more_rows_than_a_file_can_hold(refuse: Refuse, here: Path) -> None:
    file = write(here / "x.parquet", image=[b""] * 100_000, label=[0] * 100_000)
    assert f"it says that it holds 100000 rows, in {file.stat().st_size} bytes" in refuse(*describe(file))


def test_labels_of_any_kind_of_text(here: Path) -> None:
    text = ["dog", "cat"] * 6
    kinds = (pa.array(text), pa.array(text, pa.large_string()), pa.array(text).dictionary_encode())
    for number, labels in enumerate(kinds):
        file = write(here / f"{number}.parquet", image=IMAGES, label=labels)
        assert load(f"parquet:{file}", "train").classes == ("cat", "dog")


def names(value: object) -> dict[bytes, bytes]:
    return {b"huggingface": json.dumps({"info": {"features": {"label": {"names": value}}}}).encode()}


@pytest.mark.parametrize("value", [None, "cat", 3, {"0": "cat"}, [0, 1], [], [["cat"]]], ids=repr)
def test_class_names_that_are_none_are_not_taken(here: Path, value: object) -> None:
    file = write(here / "x.parquet", names(value), image=IMAGES, label=LABELS)
    assert load(f"parquet:{file}", "train").classes == ("0", "1")


@pytest.mark.parametrize("about", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000], ids=len)
def test_metadata_that_are_none_are_not_taken(here: Path, about: bytes) -> None:
    file = write(here / "x.parquet", {b"huggingface": about}, image=IMAGES, label=LABELS)
    assert load(f"parquet:{file}", "train").classes == ("0", "1")


def test_class_names_that_do_not_fit(refuse: Refuse, here: Path) -> None:
    assert load(f"parquet:{write(here / 'a.parquet', names(['no', 'yes']), image=IMAGES, label=LABELS)}", "test")
    few = write(here / "b.parquet", names(["no"]), image=IMAGES, label=LABELS)
    assert refuse(*describe(few)) == "b train: label 1 is out of range, there are classes 0 to 0"
    twice = write(here / "c.parquet", names(["no", "no"]), image=IMAGES, label=LABELS)
    assert refuse(*describe(twice)) == "c: two classes are called 'no'"
    other = write(here / "d.parquet", names(["no", "yes"]), image=IMAGES, label=["no", "maybe"] * 6)
    assert refuse(*describe(other)).startswith("d: there is no class 'maybe'; there are no, yes")


@pytest.mark.parametrize(
    "form", ["{0}-00000-of-00001.parquet", "data/{0}-0.parquet", "{0}/0000.parquet", "a/{0}/0.parquet"]
)
def test_splits_are_told_by_the_name_or_the_folder(here: Path, form: str) -> None:
    for part, n in (("train", N), ("test", 4), ("val", 2)):
        write(here / "set" / form.format(part), image=IMAGES[:n], label=LABELS[:n])
    assert [len(load(f"parquet:{here}/set", split)) for split in SPLITS] == [N, 2, 4]


def test_an_image_that_cannot_be_read_is_left_out(say: Say, here: Path) -> None:
    file = write(here / "x.parquet", image=[*IMAGES[:5], b"spoilt", *IMAGES[6:]], label=LABELS)
    said = say(*describe(file, "--skip-bad"))
    assert said.code == 0
    assert f"x: left out, as they cannot be read, 1 images: {file} row 5" in said.err
    indices = [load(f"parquet:{file}", split, wish=Wish(skip_bad=True)).index.tolist() for split in SPLITS]
    assert sorted(chain(*indices)) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]


# CIFAR


PARTS = {"train": ("a.bin",), "test": ("b.bin",)}
SMALL = cifar.Archive("x.tar.gz", "", "x", PARTS, 1, "names.txt")
FILES = {"x/a.bin": bytes(3073 * 4), "x/b.bin": bytes(3073 * 2), "x/names.txt": b"cat\ndog\n"}


def read(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(cifar, "IN_ALL", {"train": 4, "test": 2})
    monkeypatch.setattr(cifar, "HELD_OUT", 1)
    monkeypatch.setenv("ASSAY_DATA", str(path))
    (path / "x").mkdir(exist_ok=True)
    (path / "x/x.tar.gz").write_bytes(content)
    return cifar.cifar("x", SMALL, "train")


def test_a_label_that_is_no_class(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(here, gzip.compress(archive(FILES)), monkeypatch).classes == ("cat", "dog")
    bad = FILES | {"x/a.bin": b"\xc8" + bytes(3073 * 4 - 1)}
    with pytest.raises(ValueError, match=r"^x train: label 200 is out of range, there are classes 0 to 1$"):
        read(here, gzip.compress(archive(bad)), monkeypatch)


def of_size(kind: bytes, size: int) -> bytes:
    """A tar header that says that so many bytes of that kind follow."""
    member = tarfile.TarInfo("x/a.bin")
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


GIANTS = [(kind, size) for kind in (b"0", b"x", b"g", b"L", b"K", b"S") for size in (1 << 28, 1 << 40)]


@pytest.mark.parametrize(("kind", "size"), GIANTS, ids=repr)
def test_a_header_cannot_ask_for_memory(here: Path, monkeypatch: pytest.MonkeyPatch, kind: bytes, size: int) -> None:
    monkeypatch.setattr(cifar, "MOST_BYTES", 2_000_000)
    bomb = gzip.compress(of_size(kind, size) + bytes(20_000_000), 1)  # 20 MB of zeros in 90 kB
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"x.tar.gz is no x.tar.gz, or damaged: "):
        read(here, bomb, monkeypatch)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 15_000_000


def test_an_archive_of_other_things(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (
            ("x/a.bin", tarfile.SYMTYPE),
            ("x/b.bin", tarfile.FIFOTYPE),
            ("x/names.txt", tarfile.LNKTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    with pytest.raises(ValueError, match=r"x.tar.gz is no x.tar.gz: it lacks names.txt$"):
        read(here, gzip.compress(buffer.getvalue()), monkeypatch)


def test_parquet_files_that_are_not_one_set(refuse: Refuse, here: Path) -> None:
    ids = write(here / "ids.parquet", image=IMAGES, id=list(range(N)), species=["a", "b"] * 6)
    assert refuse(*describe(ids)) == f"{ids}: which of id, species is the label? Call it label"
    for folder in ("x", "y"):
        write(here / f"twice/{folder}/train-0.parquet", image=IMAGES, label=LABELS)
        write(here / f"twice/{folder}/test-0.parquet", image=IMAGES, label=LABELS)
    assert refuse(*describe(here / "twice")).startswith(f"parquet:{here}/twice has test files in x/ and y/: take one")
    for part in ("validation", "test"):
        write(here / f"held/{part}.parquet", image=IMAGES, label=LABELS)
    line = refuse(*describe(here / "held"))
    assert line == f"parquet:{here}/held has files for test and validation, but none to train on"
    write(here / "mixed/1.parquet", image=IMAGES, label=LABELS)
    write(here / "mixed/2.parquet", image=IMAGES, label=["a", "b"] * 6)
    assert "do not have the same columns and classes" in refuse(*describe(here / "mixed"))

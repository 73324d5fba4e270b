"""CIFAR from its archive, from the folder that it unpacks to, and from Parquet files: small ones of the same form."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from assay.data import SPLITS, ImageSet, cifar, load
from assay.data import cifar10 as ten
from assay.data import cifar100 as hundred
from tests.data.pictures import Parts, packed, photographs, png, unpacked

N = {"train": 50, "test": 20}
CLASSES = {"cifar10": tuple("abcdefghij"), "cifar100": tuple(f"fine_{number}" for number in range(10))}
ARCHIVES = {"cifar10": ten.ARCHIVE, "cifar100": hundred.ARCHIVE}
PARTS = photographs({part: (n // 10,) * 10 for part, n in N.items()}, (3, 32, 32))


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """$ASSAY_DATA, empty; and CIFAR is a thousandth of itself."""
    monkeypatch.setattr(cifar, "IN_ALL", N)
    monkeypatch.setattr(cifar, "HELD_OUT", 10)
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def as_files(folder: Path, name: str, parts: Parts = PARTS) -> None:
    """As the hub has them: fine labels as numbers, and the names in the schema."""
    label = "label" if name == "cifar10" else "fine_label"
    features = {"features": {label: {"names": CLASSES[name], "_type": "ClassLabel"}}}
    folder.mkdir(parents=True)
    for part, found in parts.items():
        columns = {"img": [{"bytes": png(image), "path": None} for image in found.images], label: found.labels}
        columns |= {} if name == "cifar10" else {"coarse_label": np.full(len(found.labels), 3)}
        table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": features})})
        pq.write_table(table, folder / f"{part}-00000-of-00001.parquet")


def as_archive(folder: Path, name: str) -> None:
    place = unpacked(folder / "beside", ARCHIVES[name], PARTS, CLASSES[name])
    packed(folder, ARCHIVES[name], place)
    for file in [*place.iterdir(), place, place.parent]:
        file.rmdir() if file.is_dir() else file.unlink()


def as_unpacked(folder: Path, name: str) -> None:
    unpacked(folder, ARCHIVES[name], PARTS, CLASSES[name])


FORMS = {"parquet": as_files, "archive": as_archive, "unpacked": as_unpacked}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ARCHIVES)
def test_the_splits_of_every_form(data: Path, name: str, form: str) -> None:
    FORMS[form](data / name, name)
    found = {split: load(name, split) for split in SPLITS}
    assert {split: len(images) for split, images in found.items()} == {"train": 40, "validation": 10, "test": 20}
    origin = {"train": "train", "validation": "train", "test": "test"}
    for split, images in found.items():
        part = PARTS[origin[split]]
        assert (images.name, images.shape, images.classes) == (name, (3, 32, 32), CLASSES[name])
        assert torch.equal(images.images, torch.from_numpy(part.images)[images.index])
        assert torch.equal(images.labels, torch.from_numpy(part.labels)[images.index])  # the fine ones
        assert set(images.labels.bincount().tolist()) == {len(images) // 10}
    assert sorted(found["train"].index.tolist() + found["validation"].index.tolist()) == list(range(50))


@pytest.mark.parametrize("name", ARCHIVES)
def test_every_form_is_the_same_set(data: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def prints(form: str) -> list[str]:
        monkeypatch.setenv("ASSAY_DATA", str(tmp_path / form))
        FORMS[form](tmp_path / form / name, name)
        return [load(name, split).fingerprint for split in SPLITS]

    first, *others = (prints(form) for form in FORMS)
    assert others == [first, first]


def test_the_archive_is_downloaded_and_held_to_its_hash(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_archive(tmp_path / "mirror" / "cifar10", "cifar10")
    archive = tmp_path / "mirror" / "cifar10" / ten.ARCHIVE.file
    monkeypatch.setattr(cifar, "MIRRORS", (archive.parent.as_uri(),))
    with pytest.raises(ValueError, match=f"has md5 .*, {ten.ARCHIVE.md5} wanted"):
        load("cifar10", "test")
    assert not list((tmp_path / "cache").rglob("*.gz"))
    ours = replace(ten.ARCHIVE, md5=hashlib.md5(archive.read_bytes()).hexdigest())
    monkeypatch.setattr(ten, "ARCHIVE", ours)
    assert len(load("cifar10", "test")) == 20


def test_without_network_or_files_it_says_what_to_do(data: Path) -> None:
    with pytest.raises(ValueError, match=r"put cifar100/cifar-100-binary\.tar\.gz into .*--data digits"):
        load("cifar100", "train")


def broken(file: Path, what: str) -> None:
    content = file.read_bytes()
    if what == "cut off":
        file.write_bytes(content[: len(content) // 2])
    elif what == "no archive":
        file.write_bytes(gzip.compress(b"I am a letter"))
    else:
        file.write_bytes(b"x" * 100)


@pytest.mark.parametrize("what", ["cut off", "no archive", "no gzip"])
def test_a_damaged_archive_is_named(data: Path, what: str) -> None:
    as_archive(data / "cifar10", "cifar10")
    file = data / "cifar10" / ten.ARCHIVE.file
    broken(file, what)
    with pytest.raises(ValueError, match=r"or damaged|it lacks") as error:
        load("cifar10", "train")
    assert str(error.value).startswith(f"{file} is no {file.name}")


def test_a_file_that_is_missing_short_or_of_another_size(data: Path) -> None:
    as_unpacked(data / "cifar10", "cifar10")
    file = data / "cifar10" / ten.ARCHIVE.folder / "data_batch_3.bin"
    content = file.read_bytes()
    file.write_bytes(content[:-1])
    with pytest.raises(ValueError, match=r"data_batch_3\.bin has 30729 bytes, 10 records of 3073 wanted"):
        load("cifar10", "train")
    file.unlink()
    with pytest.raises(ValueError, match=r"lacks data_batch_3\.bin"):
        load("cifar10", "train")
    file.write_bytes(bytes([10]) + content[1:])
    with pytest.raises(ValueError, match="label 10 is out of range"):
        load("cifar10", "train")


def test_parquet_files_of_another_number_of_images(data: Path) -> None:
    as_files(data / "cifar10", "cifar10", photographs({"train": (4,) * 10, "test": (2,) * 10}, (3, 32, 32)))
    with pytest.raises(ValueError, match="cifar10 holds 40 train images, 50 wanted"):
        load("cifar10", "train")


def test_a_set_found_first_is_taken_and_the_cache_is_not_asked(data: Path) -> None:
    as_files(data / "cifar10", "cifar10")
    found: ImageSet = load("cifar10", "test", 10)
    assert found.labels.tolist() == list(range(10))


def test_each_file_that_was_unpacked_is_looked_at(data: Path) -> None:
    as_unpacked(data / "cifar10", "cifar10")
    before = load("cifar10", "test")
    batch = data / "cifar10" / ARCHIVES["cifar10"].folder / "test_batch.bin"
    content = bytearray(batch.read_bytes())
    content[100] ^= 255
    batch.write_bytes(content)
    assert load("cifar10", "test").fingerprint != before.fingerprint
    batch.unlink()
    with pytest.raises(ValueError, match=r"lacks test_batch.bin$"):
        load("cifar10", "test")


def test_an_archive_that_was_unzipped_is_read(data: Path) -> None:
    as_archive(data / "cifar10", "cifar10")
    wanted = load("cifar10", "train").fingerprint
    (archive,) = (data / "cifar10").glob("*.tar.gz")
    archive.with_suffix("").write_bytes(gzip.decompress(archive.read_bytes()))
    archive.unlink()
    assert load("cifar10", "train").fingerprint == wanted

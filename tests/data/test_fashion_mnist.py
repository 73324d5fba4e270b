"""Fashion-MNIST: the files of MNIST in another folder, with other hashes and names."""

import hashlib
import shutil
from pathlib import Path

import pytest

from assay.data import SPLITS, fashion_mnist, load


def test_it_is_split_and_named(squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path))
    shutil.copytree(squares / "mnist", tmp_path / "fashion-mnist")
    found = {split: load("fashion-mnist", split) for split in SPLITS}
    assert {split: len(images) for split, images in found.items()} == {
        "train": 55000,
        "validation": 5000,
        "test": 10000,
    }
    assert sorted(found["train"].index.tolist() + found["validation"].index.tolist()) == list(range(60000))
    for split, images in found.items():
        assert (images.name, images.split, images.shape) == ("fashion-mnist", split, (1, 28, 28))
        assert images.images[:, 0, 9, 9].tolist() == (images.labels * 20).tolist()
        published = images.labels.new_tensor([number % 256 % 10 for number in range(60000)]).bincount()  # see squares
        assert split == "test" or (images.labels.bincount() - published * len(images) / 60000).abs().max() <= 1
    # Xiao et al. 2017, table 2: 0 T-shirt/top … 9 ankle boot
    assert [found["test"].classes[label] for label in (0, 1, 5, 8, 9)] == [
        "T-shirt",
        "trouser",
        "sandal",
        "bag",
        "ankle boot",
    ]


def test_mnist_in_its_place_is_another_set(squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATA", str(squares))
    with pytest.raises(ValueError, match=r"put fashion-mnist/train-images-idx3-ubyte\.gz into"):
        load("fashion-mnist", "test")


def test_a_download_is_held_to_the_published_hashes(
    squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = squares / "mnist"
    monkeypatch.setattr(fashion_mnist, "MIRRORS", (mirror.as_uri(),))
    first, wanted = next(iter(fashion_mnist.FILES.items()))
    got = hashlib.md5((mirror / first).read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=f"{first} has md5 {got}, {wanted} wanted"):
        load("fashion-mnist", "test")
    assert not list((tmp_path / "cache").rglob("*.gz"))
    right = {file: hashlib.md5((mirror / file).read_bytes()).hexdigest() for file in fashion_mnist.FILES}
    monkeypatch.setattr(fashion_mnist, "FILES", right)
    assert len(load("fashion-mnist", "test")) == 10000
    assert {path.name for path in (tmp_path / "cache").rglob("*.gz")} == set(right)

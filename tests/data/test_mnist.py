"""MNIST from files on this machine, whole and broken."""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from assay.cli import main
from assay.data import load
from tests.data.conftest import idx

TRAIN, TEST = "train-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


@pytest.fixture
def mine(squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that may be spoilt."""
    monkeypatch.setenv("ASSAY_DATA", str(tmp_path / "data"))
    return shutil.copytree(squares, tmp_path / "data") / "mnist"


def test_files_are_found_and_split(mine: Path) -> None:
    test, train = load("mnist", "test"), load("mnist", "train", 20)
    assert (len(test), test.shape) == (10000, (1, 28, 28))
    assert train.labels.bincount().tolist() == [2] * 10
    for images in (test.first(50), train):
        assert images.images[:, 0, 0, 0].tolist() == (images.labels * 20).tolist()


def test_unpacked_files_do_as_well(mine: Path) -> None:
    for path in list(mine.iterdir()):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert len(load("mnist", "test")) == 10000


def wrong_label(path: Path) -> None:
    labels = np.arange(10000, dtype=np.uint8) % 10
    labels[77] = 10
    path.write_bytes(gzip.compress(idx(labels)))


def one_less(path: Path) -> None:
    path.write_bytes(gzip.compress(idx(np.zeros(9999, np.uint8))))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def images_instead(path: Path) -> None:
    shutil.copy(path.with_name("t10k-images-idx3-ubyte.gz"), path)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (wrong_label, "mnist: label 10 is out of range, there are classes 0 to 9"),
        (one_less, "says that it holds 9999 bytes, 10000 wanted"),
        (half, "cannot be read: Compressed file ended"),
        (images_instead, "is no IDX file of bytes in 1 dimensions: it begins 00000803"),
    ],
)
def test_a_broken_copy(mine: Path, capsys: pytest.CaptureFixture[str], spoil, said: str) -> None:  # type: ignore[no-untyped-def]
    spoil(mine / TEST)
    assert main(["data", "describe", "mnist"]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_broken_test_images_are_found_before_the_training(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    half(mine / TEST)
    assert main(["train", "mnist_cnn", "--epochs", "1", "--images", "20", "--out", str(tmp_path / "run")]) == 2
    assert f"{mine / TEST} cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_asked_for_and_said_where_to_put(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine / TRAIN).unlink()
    assert main(["train", "mnist_cnn", "--out", str(tmp_path / "run")]) == 2
    err = capsys.readouterr().err
    assert f"put mnist/{TRAIN} into {tmp_path / 'cache' / 'assay'}" in err
    assert f"$ASSAY_DATA is {mine.parent}, which lacks it" in err
    assert "--data digits, which needs no file" in err
    assert not (tmp_path / "run").exists()


def test_images_of_another_shape_than_the_models(
    mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run")
    assert main(["train", "digits_cnn", "--epochs", "1", "--images", "9", "--out", run]) == 0
    for words in (
        ("attack", run, "--attack", "fgsm"),
        ("explain", run, "--method", "saliency"),
        ("explain", run, "--method", "saliency", "--image", "3"),
    ):
        capsys.readouterr()
        assert main([*words, "--data", "mnist"]) == 2
        assert capsys.readouterr().err == "assay: the model takes images (1, 8, 8), mnist has (1, 28, 28)\n"

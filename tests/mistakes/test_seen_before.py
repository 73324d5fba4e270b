"""Images that a model was trained on, or that stand in two splits: whatever folder they come from, it is said."""

import json
import shutil
from pathlib import Path

import pytest

from tests.data.bad import good
from tests.mistakes.saying import Say

TRAIN = ("train", "mlp", "--data", "folder:set", "--epochs", "2", "--out", "mine")


@pytest.fixture
def trained(say: Say, alone: Path) -> Path:
    good(alone / "set", n=40)
    assert say(*TRAIN).code == 0
    return alone


def seen_before(trained: Path, name: str) -> tuple[int, int]:
    (found,) = (trained / "mine/evaluations").glob(f"*{name}*/config.json")
    config = json.loads(found.read_text())
    return config["trained_on"], config["n"]


def test_the_splits_of_one_folder_share_nothing(say: Say, trained: Path) -> None:
    assert say("evaluate", "mine", "--threat", "linf(0.01)").code == 0
    assert seen_before(trained, "quick") == (0, 8)
    said = say("evaluate", "mine", "--threat", "linf(0.01)", "--split", "train")
    assert "64 of 64 images are among those that the model was trained on" in said.out
    assert say("report", "mine").code == 0
    assert "was trained on" not in (trained / "report.html").read_text()  # the test split is shown, though it is older


def test_a_folder_that_changed_mixes_them_and_says_so(say: Say, trained: Path) -> None:
    for number in range(9):
        (trained / f"set/cat/{number:02}.png").unlink()
    said = say("attack", "mine", "--attack", "fgsm", "--threat", "linf(0.01)")
    known, n = seen_before(trained, "fgsm")
    assert 0 < known <= n
    assert f"{known} of {n} images are among those that the model was trained on" in said.out
    assert say("report", "mine").code == 0
    assert f"({known} of them are images that it was trained on)" in (trained / "report.html").read_text()


def test_the_same_images_in_two_splits(say: Say, alone: Path) -> None:
    good(alone / "both/train", n=12)
    shutil.copytree(alone / "both/train", alone / "both/test")
    said = say("data", "describe", "folder:both")
    assert "24 of 24 test images are also among those to train on" not in said.out  # 2 were held out for validation
    assert "22 of 24 test images are also among those to train on" in said.out
    said = say("train", "mlp", "--data", "folder:both", "--epochs", "1", "--out", "mine")
    assert "assay: both: 22 of 24 test images are also among those to train on" in said.err


def test_data_that_moved(say: Say, trained: Path) -> None:
    (trained / "set").rename(trained / "moved")
    said = say("explain", "mine", "--method", "saliency")
    assert said.code == 2
    assert said.err.strip().endswith("set is not there: if it was moved, say --data folder:NEW")
    assert say("explain", "mine", "--method", "saliency", "--data", "folder:moved").code == 0
    (trained / "moved/cat/broken.png").write_bytes(b"no image")
    wanted = ("explain", "mine", "--method", "saliency", "--data", "folder:moved", "--force")
    assert "--skip-bad goes on without such images" in say(*wanted).err
    assert say(*wanted, "--skip-bad").code == 0


def test_a_training_that_was_stopped_is_not_to_be_replaced(say: Say, trained: Path) -> None:
    (trained / "mine/model.json").unlink()
    assert say(*TRAIN).err == "assay: mine holds a training that was stopped: --resume goes on, --force begins again\n"
    assert "--resume goes on" in say("evaluate", "mine").err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ("train", "digits_cnn", "--augment", "none", "--augment", "flip"),
            "--augment none stands alone, got none, flip",
        ),
        (
            ("train", "digits_cnn", "--augment", "shift(pixels=99)"),
            "shift: pixels must be at most 7 for these images, got 99",
        ),
        (("data", "describe", "digits", "--out", "d.jpg"), "--out d.jpg: the contact sheet is a .png"),
        (("report", "x", "--out", "x.pdf"), "--out x.pdf: the page is a .html"),
        (("report", "x", "./x"), "x was given twice"),
    ],
)
def test_what_cannot_be_meant(say: Say, words: tuple[str, ...], line: str) -> None:
    said = say(*words)
    assert (said.code, said.err.strip()) == (2, f"assay: {line}")
    assert not Path("runs").exists()

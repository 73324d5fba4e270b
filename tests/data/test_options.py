"""What the command line makes of folder: and parquet: sets: their size, their words, their place."""

import json
from pathlib import Path

import pytest

from assay.cli import learning, main, options
from assay.cli.options import load_images, load_named
from assay.run_folder import SCHEMA, Run
from tests.data.pictures import CLASSES, as_folder, as_parquet, photographs, png
from tests.mistakes.saying import Say, refuse, say

__all__ = ["refuse", "say"]  # fixtures
PARTS = photographs({"train": (12, 9, 8)}, (3, 9, 12))


@pytest.fixture(autouse=True)
def unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "HEARD", set())


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Of two sizes: there is something to say of them."""
    folder = as_folder(tmp_path / "pictures", PARTS)
    (folder / "cat/0028.png").write_bytes(png(photographs({"train": (1,)}, (3, 7, 7))["train"].images[0]))
    return folder


def run_of(path: Path, data: str, shape: tuple[int, int, int], classes: tuple[str, ...] = CLASSES) -> Run:
    """A run as far as images ask for it."""
    run = Run(path)
    run.write_json("config.json", {"schema": SCHEMA, "data": data, "fingerprint": "f"})
    about = {"architecture": "mlp", "shape": list(shape), "classes": list(classes), "mean": [0.0], "std": [1.0]}
    run.write_json("model.json", about | {"parameters": 1, "weights": "w"})
    return run


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 12), (3, 5, 4)])
def test_the_model_says_how_large_images_are(tmp_path: Path, pictures: Path, shape: tuple[int, int, int]) -> None:
    own = run_of(tmp_path / "own", f"folder:{pictures}", shape)
    assert load_images(own, None, "test", None).shape == shape
    other = run_of(tmp_path / "other", "digits", shape)
    assert load_images(other, f"folder:{pictures}", "test", 2).shape == shape


def test_what_has_one_size_only_must_be_of_the_models(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", "digits", (1, 28, 28), tuple("0123456789"))
    with pytest.raises(ValueError, match=r"the model takes images \(1, 28, 28\), digits has \(1, 8, 8\)"):
        load_images(run, None, "test", None)


def check_labels_follow_the_models_classes(tmp_path: Path) -> None:
    """A model that learnt the classes in another order meets the same images under the same names."""
    name = f"parquet:{as_parquet(tmp_path / 'set', PARTS)}"
    run = run_of(tmp_path / "run", name, (3, 9, 12), CLASSES[::-1])
    found, plain = load_images(run, None, "test", None), load_named(name, "test")
    assert found.classes == CLASSES[::-1]
    assert (found.labels == 2 - plain.labels).all(), "labels of other classes"
    assert (found.images == plain.images).all()


def test_labels_follow_the_models_classes(tmp_path: Path) -> None:
    check_labels_follow_the_models_classes(tmp_path)


def test_a_model_of_other_classes(tmp_path: Path, pictures: Path) -> None:
    run = run_of(tmp_path / "run", f"folder:{pictures}", (3, 9, 12), ("ape", "bee", "dog"))
    with pytest.raises(ValueError, match="pictures has the classes ape, bee, cat; the model knows ape, bee, dog"):
        load_images(run, None, "test", None)
    run = run_of(tmp_path / "run", f"folder:{pictures}", (3, 9, 12), ("ape", "bee"))
    with pytest.raises(ValueError, match="the model has 2 classes, pictures has 3"):
        load_images(run, None, "test", None)


def test_a_size_that_is_asked_for(say: Say, pictures: Path) -> None:
    about = json.loads(say("data", "get", f"folder:{pictures}", "--size", "6", "--json").out)
    assert (about["shape"], about["features"], about["classes"]) == ([3, 6, 6], 108, list(CLASSES))
    assert json.loads(say("data", "get", f"folder:{pictures}", "--json").out)["shape"] == [3, 9, 9]


@pytest.mark.parametrize("size", ["0", "-3", "4097"])
def test_a_size_that_cannot_be(refuse, pictures: Path, size: str) -> None:  # type: ignore[no-untyped-def]
    line = refuse("data", "get", f"folder:{pictures}", "--size", size)
    assert line == f"--size must be between 1 and 4096, got {size}"


def test_a_size_of_what_has_one(refuse) -> None:  # type: ignore[no-untyped-def]
    line = refuse("train", "digits_cnn", "--size", "9")
    assert line == "--size 9: digits has images of 8×8; those of folder: and parquet: can be resized"


def test_what_there_is_to_know_is_said_once_and_aside(say: Say, pictures: Path) -> None:
    said = say("data", "get", f"folder:{pictures}", "--json")
    note = "assay: pictures: images of 7×7 to 9×12 are resized and cut to 9×9; --size N takes another size\n"
    assert said.err.count(note) == 1
    assert json.loads(said.out)["splits"].keys() == {"train", "validation", "test"}
    assert note not in say("data", "get", f"folder:{pictures}", "--json").err


def test_bad_images_are_left_out_on_demand_and_named(say: Say, pictures: Path) -> None:
    (pictures / "bee/0013.png").write_bytes(b"no image")
    said = say("data", "get", f"folder:{pictures}")
    assert (said.code, said.out) == (2, "")
    assert "bee/0013.png cannot be read" in said.err
    said = say("data", "get", f"folder:{pictures}", "--skip-bad")
    assert said.code == 0
    assert said.err.count("left out, as they cannot be read, 1 images: ") == 1


class Begun(Exception):
    """In place of a training: what it would have learnt by."""


@pytest.mark.parametrize(
    ("words", "augment"),
    [
        ((), ["flip", "shift(pixels=4)"]),
        (("--augment", "none"), []),
        (("--augment", "cutout"), ["cutout"]),
        (("--augment", "shift(2)", "--augment", "flip"), ["shift(2)", "flip"]),
    ],
)
def test_augmentation_is_the_recipes_unless_another_is_named(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], augment: list[str]
) -> None:
    def begin(path, recipe, **_):  # type: ignore[no-untyped-def]
        raise Begun(recipe)

    monkeypatch.setattr(learning, "start", begin)
    with pytest.raises(Begun) as begun:
        main(["train", "resnet14", *words])
    assert begun.value.args[0].augment == augment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("flop", "unknown augmentation 'flop'; there are alternating_flip, cutout, flip, shift; did you mean 'flip'?"),
        ("shift(pixels=0)", "shift: pixels must be at least 1, got 0"),
        ("shift(size=2)", "shift has no setting 'size'; it has pixels"),
    ],
)
def test_augmentation_that_is_none(refuse, tmp_path: Path, text: str, said: str) -> None:  # type: ignore[no-untyped-def]
    line = refuse("train", "digits_cnn", "--images", "9", "--augment", text, "--out", str(tmp_path / "run"))
    assert line.startswith(said)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_run_on_a_folder_finds_it_again_from_elsewhere(
    say: Say, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(tmp_path / "run")
    monkeypatch.chdir(pictures.parent)
    words = ("--data", "folder:pictures", "--size", "8", "--epochs", "1", "--augment", "flip", "--out", run)
    assert say("train", "digits_cnn", *words).code == 0
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["data"] == f"folder:{pictures}"
    assert config["recipe"]["augment"] == ["flip"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert say("attack", run, "--attack", "fgsm", "--threat", "linf(0.1)").code == 0
    other = as_parquet(tmp_path / "set", PARTS)
    assert say("attack", run, "--attack", "fgsm", "--threat", "linf(0.1)", "--data", f"parquet:{other}").code == 0
    assert say("train", "digits_cnn", "--resume", "--out", run, "--data", f"folder:{pictures}").code == 0
    assert "was begun with size 8, got 9" in say("train", "digits_cnn", "--resume", "--out", run, "--size", "9").err

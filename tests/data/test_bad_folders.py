"""Folders of another form than the one that is wanted: what they are taken for, or the one line that says what is."""

import os
import subprocess
import unicodedata
from pathlib import Path

import pytest

from assay.data import load
from tests.data.bad import N, Refuse, good, refuse, shade, splits
from tests.mistakes.saying import Say, say

__all__ = ["refuse", "say"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def train(path: object = "set") -> tuple[object, ...]:
    return ("train", "small_cnn", "--epochs", "1", "--data", f"folder:{path}", "--out", "run")


def add(path: Path, *files: str) -> None:
    for file in files:
        (path / file).parent.mkdir(parents=True, exist_ok=True)
        (path / file).write_bytes(shade(1))


def test_a_folder_that_is_none(refuse: Refuse, here: Path) -> None:
    (here / "file").write_text("x")
    (here / "empty").mkdir()
    (here / "loop").symlink_to("loop")
    os.mkfifo(here / "pipe")
    assert refuse(*train("none")) == f"folder:{here}/none is not there"
    assert refuse(*train("file")) == f"folder:{here}/file is a file, a folder wanted"
    assert refuse(*train("pipe")) == f"folder:{here}/pipe is a file, a folder wanted"
    assert "is not there" in refuse(*train("loop"))
    assert "~nobody-of-that-name" in refuse(*train("~nobody-of-that-name/x"))
    assert refuse(*train("empty")).startswith(f"folder:{here}/empty has no sub-folders: one for each class wanted")
    assert refuse(*train("x" * 300)).startswith("File name too long: ")
    assert refuse("train", "small_cnn", "--data", "folder:", "--out", "run") == "folder needs a path: folder:PATH"
    assert not (here / "run").exists()


def test_classes_that_are_none(refuse: Refuse, here: Path) -> None:
    good(here / "set")
    (here / "set/emu").mkdir()
    assert refuse(*train()) == f"{here}/set/emu holds no image"
    (here / "set/emu/notes.txt").write_text("no image")
    assert refuse(*train()) == f"{here}/set/emu holds no image"
    good(here / "one", "cat")
    assert refuse(*train("one")) == "a classifier needs at least 2 classes, got 1"
    assert not (here / "run").exists()


def test_parts_that_do_not_fit(refuse: Refuse, here: Path) -> None:
    good(here / "set/train")
    add(here / "set", "test/emu/1.png")
    assert refuse(*train()).startswith(f"{here}/set/test/emu: there is no class 'emu' to train on; there are ")
    good(here / "flat/train")
    add(here / "flat", "test/1.png")  # images without a class
    assert refuse(*train("flat")) == f"{here}/flat/test has no sub-folders: one for each class wanted"
    good(here / "two/train")
    good(here / "two/training")
    assert refuse(*train("two")) == f"folder:{here}/two has both train/ and training/"


def test_a_class_may_be_called_train(here: Path) -> None:
    good(here / "set", "car", "plane", "train")
    assert load("folder:set", "train").classes == ("car", "plane", "train")
    (here / "set/train/more").mkdir()  # with sub-folders, too
    add(here / "set", "train/more/1.png")
    assert load("folder:set", "train").classes == ("car", "plane", "train")


@pytest.mark.parametrize(("n", "fits"), [(1, False), (2, True)])
def test_fewer_images_than_splits(refuse: Refuse, here: Path, n: int, fits: bool) -> None:
    good(here / "set", n=n)
    if fits:
        assert [len(one) for one in splits(here / "set").values()] == [2, 1, 1]
    else:
        assert refuse(*train()) == "set holds 2 images to train on, which is too few to hold some out"


def test_links_that_lead_in_circles(here: Path) -> None:
    good(here / "set")
    (here / "set/cat/up").symlink_to("..")
    (here / "set/cat/self").symlink_to("self")
    names = [f"{number:02}" for number in range(14)]
    for name in names:
        (here / "set/dog" / name).mkdir()
    for name in names:  # every one leads to every other: more ways than could ever be gone
        for other in names:
            (here / "set/dog" / name / other).symlink_to(f"../{other}")
    found = load("folder:set", "train")
    assert found.classes == ("cat", "dog")
    assert sum(len(one) for one in splits(here / "set").values()) == 2 * N + N  # the cats see the dogs through ..


@pytest.mark.slow
def test_folders_deeper_than_python_nests_calls(here: Path) -> None:
    good(here / "set")
    deep = here / "set/cat"
    os.chdir(deep)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    Path("x.png").write_bytes(shade(1))
    os.chdir(here)
    assert sum(len(one) for one in splits(Path("set")).values()) == 2 * N + 1
    subprocess.run(["rm", "-rf", deep / "d"], check=True)  # pytest's way of taking it away would nest too deep


def test_what_is_no_image_among_images(say: Say, refuse: Refuse, here: Path) -> None:
    good(here / "set")
    (here / "set/cat/folder.jpg").mkdir()
    (here / "set/cat/.hidden.png").write_bytes(b"not looked at")
    (here / "set/cat/Thumbs.db").write_bytes(b"not looked at")
    assert sum(len(one) for one in splits(here / "set").values()) == 2 * N
    os.mkfifo(here / "set/cat/pipe.jpg")
    assert refuse(*train()).startswith(f"{here}/set/cat/pipe.jpg cannot be read: it is no file; --skip-bad")
    (here / "set/cat/gone.jpg").symlink_to("nowhere")
    assert refuse(*train()).startswith(f"{here}/set/cat/gone.jpg cannot be read: No such file or directory; --skip")
    said = say("data", "describe", "folder:set", "--skip-bad")
    assert said.code == 0
    assert "set: left out, as they cannot be read, 2 images: " in said.err


NAMES = {
    "NFC": ("é", "z"),
    "NFD": (unicodedata.normalize("NFD", "é"), "z"),
    "both": ("é", unicodedata.normalize("NFD", "é")),
    "case": ("Cat", "cat"),
    "emoji": ("🙂", "👩‍👧"),
    "right to left": ("שלום", "مرحبا"),
    "long": ("n" * 255, "m" * 255),
    "quotes": ("a'b\"c", "$x$"),
    "html": ("<script>alert(1)</script>", "&amp;"),
    "template": ("{{ 7 * 7 }}", "{% raw %}"),
    "blank": ("a b", "a  b"),
}


@pytest.mark.parametrize("kind", NAMES)
def test_classes_of_any_name(say: Say, here: Path, kind: str) -> None:
    names = NAMES[kind]
    try:
        good(here / "set", *(name.replace("/", "∕") for name in names))
    except FileExistsError:
        pytest.skip("this file system takes them for one name")
    found = load("folder:set", "train")
    assert found.classes == tuple(sorted(name.replace("/", "∕") for name in names))
    assert set(found.labels.tolist()) == {0, 1}
    assert say("data", "describe", "folder:set").code == 0


@pytest.mark.parametrize("name", ["\x1b[31mred", "new\nline", "\x07", " ", "\udcff"])
def test_classes_that_a_terminal_would_obey(refuse: Refuse, here: Path, name: str) -> None:
    good(here / "set", name, "dog")
    line = refuse(*train())
    assert line == f"set: a class is called {name!a}: printable text wanted"


def test_files_that_a_terminal_would_obey(refuse: Refuse, say: Say, here: Path) -> None:
    good(here / "set\x1b[2J\n")
    bad = here / "set\x1b[2J\n/cat" / "new\nline\x1b]0;title\x07\u202e.png"
    bad.write_bytes(b"spoilt")
    line = refuse(*train("set\x1b[2J\n"))
    assert line.startswith(f"{here}/set\\x1b[2J\\n/cat/new\\nline\\x1b]0;title\\x07\\u202e.png cannot be read: ")
    said = say("data", "describe", "folder:set\x1b[2J\n", "--skip-bad", "--out", "sheet.png")
    assert said.code == 0
    assert "\x1b[2J" not in said.err
    assert "new\\nline\\x1b]0;title" in said.err
    assert refuse("report", "none\x1b[2J\n") == "there is no run 'none\\x1b[2J\\n'"


@pytest.mark.slow
def test_a_class_of_markup_is_text_in_the_report(say: Say, here: Path) -> None:
    script = "<script>alert(1)<∕script>"
    good(here / "set", script, "<img src=x onerror=alert(2)>")
    assert say(*train(), "--size", "8", "--images", "8").code == 0
    assert say("attack", "run", "--attack", "fgsm", "--eps", "0,.1", "--images", "2").code == 0
    assert say("explain", "run", "--method", "saliency").code == 0
    assert say("report", "run").code == 0
    html = Path("report.html").read_text("utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_folder_that_may_not_be_read(refuse: Refuse, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good(here / "set")
    scandir = os.scandir

    def forbidden(path: object) -> object:  # root may read everything
        if str(path).endswith("set/cat"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", forbidden)
    assert refuse(*train()) == f"Permission denied: {here}/set/cat"


def test_splits_and_classes_beside_each_other_are_refused(refuse: Refuse, here: Path) -> None:
    for part in ("train", "test"):
        good(here / "set" / part)
    add(here / "set", "extra/1.png")
    line = refuse(*train())
    assert line.startswith(f"folder:{here}/set: test/ has sub-folders, as a split has, and extra/ stands beside it")
    for part in ("val", "test"):
        good(here / "held" / part)
    assert refuse(*train("held")) == f"folder:{here}/held has test/, but no train/"

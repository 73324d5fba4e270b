"""Folders that are none, that are there already, or that hold what must not be lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mistakes.saying import Say, contents

Refuse = Callable[..., str]
NO_RUN = [
    ("attack", "RUN", "--attack", "fgsm"),
    ("evaluate", "RUN"),
    ("explain", "RUN", "--method", "saliency"),
    ("compare", "RUN", "RUN"),
    ("model", "describe", "./RUN"),
    ("report", "RUN"),
    ("harden", "RUN", "--out", "h"),
    ("train", "digits_cnn", "--resume", "--out", "RUN"),
]


@pytest.mark.parametrize("words", NO_RUN, ids=" ".join)
def test_a_run_is_wanted(refuse: Refuse, alone: Path, words: tuple[str, ...]) -> None:
    def said(run: str) -> str:
        return refuse(*(word.replace("RUN", run) for word in words)).removeprefix("--resume: ")

    Path("file").write_text("I am no run")
    Path("folder").mkdir()
    assert said("none") == "there is no run 'none'"
    assert said("file") == "file is a file, a run folder wanted"
    assert said("folder") == "folder is no run folder: it has no config.json"
    assert sorted(entry.name for entry in alone.iterdir()) == ["file", "folder"]


def train(out: Path, *more: str) -> tuple[str, ...]:
    return ("train", "digits_cnn", "--epochs", "1", "--images", "20", "--out", str(out), *more)


def with_run_and_letters(path: Path, finished: Path) -> None:
    shutil.copytree(finished, path)
    (path / "letters.txt").write_text("dear to somebody")


def with_config_of_another(path: Path, finished: Path) -> None:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    (path / "model.safetensors").write_bytes(b"dear to somebody")


def with_letters(path: Path, finished: Path) -> None:
    path.mkdir()
    (path / "letters.txt").write_text("dear to somebody")


@pytest.mark.parametrize("fill", [with_run_and_letters, with_config_of_another, with_letters])
def test_force_takes_away_runs_and_nothing_else(
    refuse: Refuse, tmp_path: Path, finished: Path, fill: Callable[[Path, Path], None]
) -> None:
    fill(tmp_path / "dear", finished)
    before = contents(tmp_path / "dear")
    line = refuse(*train(tmp_path / "dear", "--force"))
    assert "--force replaces runs only" in line
    assert refuse(*train(tmp_path / "dear")).endswith("exists: take another --out, or --force to replace it")
    assert contents(tmp_path / "dear") == before


def test_force_replaces_a_run_also_behind_a_link_and_where_one_stands(
    say: Say, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("link").symlink_to(run)
    assert say(*train(Path("link"), "--force")).code == 0
    assert Path("link").is_symlink()
    assert not (run / "explanations").exists()
    monkeypatch.chdir(run)
    (run / "model.json").unlink()
    assert say(*train(Path(), "--force")).code == 0
    assert (run / "model.json").exists()


def test_an_out_that_is_a_file_or_lies_in_one(refuse: Refuse, run: Path) -> None:
    Path("file").write_text("dear to somebody")
    assert refuse(*train(Path("file"), "--force")) == "file is a file, a folder wanted"
    assert refuse(*train(Path("file/run"))) == "Not a directory: file/run"
    assert refuse("demo", "--out", "file", "--force") == "file is a file, a folder wanted"
    assert refuse("report", "run", "--out", "file") == "file exists: take another --out, or --force to replace it"
    assert refuse("report", "run", "--out", "run", "--force") == "--out run is a folder, a file wanted"
    assert Path("file").read_text() == "dear to somebody"


def test_what_a_killed_process_left_is_no_hindrance(say: Say, alone: Path) -> None:
    Path("run").mkdir()
    Path("run/.config.json.x1y2.part").write_text("{")  # killed at the first file of all
    assert say(*train(Path("run"))).code == 0


@pytest.mark.parametrize("name", ["Prüfung Ωµ 模型 🙂", "a b'c\"d;$e&f", "-leading", "new\nline", "x" * 200])
def test_paths_of_every_kind(say: Say, alone: Path, name: str) -> None:
    out = alone / name
    assert say(*train(out)).code == 0
    assert say("model", "describe", out).code == 0
    assert json.loads((out / "config.json").read_text("utf-8"))["data"] == "digits"


def test_a_path_too_long_for_the_disk(refuse: Refuse, alone: Path) -> None:
    assert refuse(*train(alone / ("x" * 300))).startswith("File name too long")
    assert refuse("evaluate", "y" * 300).startswith("File name too long")
    assert refuse("evaluate", "/".join("z" * 5000)).startswith("File name too long")
    assert not list(alone.iterdir())


def test_comparing_what_cannot_be_compared(refuse: Refuse, run: Path) -> None:
    assert refuse("compare", "run", "../here/run") == "run and ../here/run are the same run: nothing can differ"
    shutil.copytree(run, "other")
    shutil.rmtree("other/evaluations")
    assert refuse("compare", "run", "other").startswith(
        "run and other have no evaluation of the same images and threat: run assay evaluate on both"
    )

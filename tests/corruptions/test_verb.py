"""assay corrupt: what it writes, that nothing done is done again, and mistakes in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.corrupted_folder import corrupted_of
from assay.evaluate import corrupted as module
from assay.run_folder import Run
from tests.mistakes.saying import Say, alone, finished, refuse, run, say

__all__ = ["alone", "finished", "refuse", "run", "say"]
NAME = "digits-test-60-"
Refuse = Callable[..., str]


def folder_of(path: Path) -> Any:
    (name,) = (name for name in Run(path).names("corruptions") if name.startswith(NAME))
    return corrupted_of(Run(path), name)


def test_it_writes_a_table_figures_and_examples_and_does_so_once(say: Say, refuse: Refuse, run: Path) -> None:
    said = say("corrupt", "run", "--images", 60, "--device", "cpu", "--json")
    assert said.code == 0, said
    shown = json.loads(said.out)
    assert [len(shown["lines"]), len(shown["each"]), shown["clean"]["n"]] == [30, 6, 60]
    folder = folder_of(Path("run"))
    table, config = folder.read_table("images.parquet"), folder.read_json("config.json")
    assert len(table) == 4 + 60
    assert config["trained_on"] == 0
    assert folder.read_arrays("examples.safetensors")["images"].shape == (6, 6, *config["shape"])
    assert not Path("run/shards").exists()
    assert "exists: --force makes it again" in refuse("corrupt", "run", "--images", 60)
    other = say("corrupt", "run", "--images", 60, "--seed", 4, "--device", "cpu")
    assert "seed-4" in other.out
    assert "strength 1 to 5:" in other.out


def test_what_was_done_when_it_was_stopped_is_not_done_again(
    say: Say, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARD", 25)
    asked, ask = [], module.ask

    def stopped(classifier: Any, images: Any, *rest: Any) -> Any:
        asked.append(len(images))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return ask(classifier, images, *rest)

    monkeypatch.setattr(module, "ask", stopped)
    assert say("corrupt", "run", "--images", 60, "--device", "cpu").code == 130
    assert not Run(Path("run")).names("corruptions")
    assert say("corrupt", "run", "--images", 60, "--device", "cpu").code == 0
    assert asked == [25, 25, 25, 10], "the first part is not asked about again"
    pieces = folder_of(Path("run")).read_table("images.parquet")
    monkeypatch.undo()
    monkeypatch.chdir(run.parent)
    assert say("corrupt", "run", "--images", 60, "--device", "cpu", "--force").code == 0
    whole = folder_of(Path("run")).read_table("images.parquet")
    assert all(np.array_equal(pieces[key], values) for key, values in whole.items())


def test_mistakes_are_one_line(refuse: Refuse, run: Path) -> None:
    assert "there is no run 'none'" in refuse("corrupt", "none")
    assert "images can be taken, got 0" in refuse("corrupt", "run", "--images", 0)
    assert "unknown data set 'dgits'" in refuse("corrupt", "run", "--data", "dgits")
    assert "did you mean" in refuse("corrupt", "run", "--imges", 4)


def test_a_damaged_folder_is_named(say: Say, refuse: Refuse, run: Path) -> None:
    assert say("corrupt", "run", "--images", 60, "--device", "cpu").code == 0
    folder = folder_of(Path("run"))
    kept = folder.read_json("config.json")
    for change, words in (
        ({"n": 59}, "60 rows, but config.json says 59"),
        ({"corruptions": []}, "corruptions are none"),
        ({"shape": [2, 8, 8]}, "[C, H, W] wanted"),
        ({"classes": ["0", "1"]}, "is out of range, there are 2 classes"),
    ):
        folder.write_json("config.json", {**kept, **change})
        assert words in refuse("report", "run", "--out", "page.html")

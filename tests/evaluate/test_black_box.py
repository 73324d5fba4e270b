"""A model that gives scores or classes alone is attacked by what its access allows, and nothing more is claimed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.adversary.crew import crew_for
from assay.cli import main
from assay.models.black_box import BlackBox
from tests.evaluate import black_boxes

FILE = Path(black_boxes.__file__)
Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FILE, "boxes.py")

    def run(function: str, *more: str, data: tuple[str, ...] = ("--data", "digits")) -> tuple[int, str, str]:
        options = ["--threat", "linf(0.2)", "--images", "40", *data, *more]
        code = main(["evaluate", f"boxes.py:{function}", *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.mark.parametrize(
    ("function", "attack"),
    [
        ("scores", "square"),
        ("probabilities", "square"),
        ("session", "square"),
        ("labels", "hop_skip_jump(steps=10)"),
    ],
)
def test_it_is_attacked_as_its_access_allows(ask: Ask, function: str, attack: str) -> None:
    code, out, _ = ask(function, "--json")
    found = json.loads(out)
    assert code == 0
    assert [line["attack"] for line in found["attacks"]] == ["noise", attack]
    noise, best = (line["count"] for line in found["attacks"])
    assert best < noise, "random templates fall to any attack that looks"


def test_its_report_says_what_the_enemy_sees(ask: Ask, tmp_path: Path) -> None:
    folder = Path(json.loads(ask("scores", "--json")[1])["evaluation"])
    assert json.loads((folder / "config.json").read_text())["access"] == "scores"
    assert main(["report", str(folder.parents[1]), "--out", str(tmp_path / "r.html")]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "black box: the enemy sees the score of every class" in page
    assert "white box" not in page


def test_scores_and_their_probabilities_fall_alike(ask: Ask) -> None:
    counts = [json.loads(ask(name, "--json")[1])["robust"][-1]["count"] for name in ("scores", "session")]
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_what_needs_gradients_is_not_enough_evidence(ask: Ask) -> None:
    code, out, _ = ask("scores", "--suite", "standard", "--json", "--fail-if", "verdict != believable")
    checks = json.loads(out)["checks"]
    assert code == 1
    assert checks["verdict"] == "not enough evidence"
    assert any("gives no gradients" in because for because in checks["because"])


@pytest.mark.parametrize("function", ["scores", "labels"])
def test_a_run_of_it_verifies(ask: Ask, function: str, capsys: pytest.CaptureFixture[str]) -> None:
    ask(function)
    assert main(["verify", f"boxes-{function}", "--rerun"]) == 0, capsys.readouterr().out


def test_the_same_file_is_the_same_run_and_another_is_not(ask: Ask) -> None:
    assert ask("scores")[0] == 0
    assert ask("scores", "--seed", "1", "--force")[0] == 0
    Path("boxes.py").write_text(FILE.read_text() + "\n# changed\n")
    code, _, err = ask("scores")
    assert code == 2
    assert "boxes-scores exists" in err


@pytest.mark.parametrize(
    ("function", "line"),
    [
        ("five", "the model has 5 outputs, but the data have 10 classes"),
        ("best", "must return scores (32, 10) or 32 classes as integers, got (32,) of torch.float32"),
        ("wild", "0 to 9 wanted"),
        ("falling", "RuntimeError: the server does not answer"),
        ("nobody", "'nobody'"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(ask: Ask, function: str, line: str) -> None:
    code, out, err = ask(function)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert line in err
    assert not Path(f"boxes-{function}").exists()


def test_data_must_be_named(ask: Ask) -> None:
    code, _, err = ask("scores", data=())
    assert code == 2
    assert "say --data NAME" in err


def test_an_attack_that_asks_for_more_is_refused(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    ask("labels")
    for attack, wanted in (("pgd", "gradients"), ("square", "scores")):
        assert main(["attack", "boxes-labels", "--attack", attack, "--threat", "linf(0.2)", "--images", "40"]) == 2
        assert f"{attack} asks for {wanted}, and " in capsys.readouterr().err


def test_it_sees_plain_pixels_and_cannot_change_the_callers() -> None:
    images = torch.rand(4, 1, 8, 8)
    before = images.clone()

    def spoil(pixels: np.ndarray) -> np.ndarray:
        assert pixels.dtype == np.float32
        pixels[:] = 7
        return np.zeros(len(pixels), np.int64)

    answer = BlackBox(spoil, "spoil", 3)(images)
    assert torch.equal(images, before)
    assert torch.equal(answer, torch.tensor([[1.0, -1, -1]]).expand(4, 3))


def test_it_is_asked_once_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 4)
    assert crew_for(BlackBox(black_boxes.scores, "scores", 10), torch.rand(2, 1, 8, 8)) is None

"""A lab runs a course's commands once, sets its figures beside ours, and can be taken up where it was stopped."""

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from assay.cli import function_of, lab
from assay.cli.lab import LABS, NAMES
from assay.cli.labs import record
from assay.cli.labs.bench import Bench, made_by
from assay.cli.labs.plan import Lab, Row, Step, alone, exact, measured
from assay.cli.labs.record import Asked, lab_of
from assay.cli.parsing import read_arguments
from tests.mistakes.saying import Say

FOLDER = "folder:pictures"
SHARE = {"share": 0.5, "low": 0.4, "high": 0.6, "n": 96}


def asked(quick: bool) -> list[Asked]:
    return [Asked(name, quick, FOLDER if "vit" in name else None) for name in NAMES]


@pytest.mark.parametrize("form", [*asked(True), *asked(False)], ids=lambda form: f"{form.name}{'-quick' * form.quick}")
def test_each_step_can_be_typed(form: Asked) -> None:
    for step in lab_of(form).steps:
        verb, *words = shlex.split(step.command.replace("{out}", "labs/one"))
        assert read_arguments(verb, function_of(verb, words), [*words, "--force"] if verb != "model" else words)
        assert step.seconds > 0


@pytest.mark.parametrize(
    ("theirs", "better", "said"),
    [
        (50.0, "more", "as theirs"),
        (40.0, "more", "as theirs"),
        (39.0, "more", "better"),
        (61.0, "more", "worse"),
        (39.0, "less", "worse"),
        (61.0, "less", "better"),
        (61.0, "same", "differs"),
        (50.0, "same", "as theirs"),
    ],
)
def test_a_share_is_as_theirs_where_their_number_lies_within_its_interval(
    theirs: float, better: Any, said: str
) -> None:
    assert measured("A1", "left", theirs, SHARE, better, quick=False).said == said
    assert measured("A1", "left", theirs, SHARE, better, quick=True).said == "short form"


def test_what_they_had_few_images_for_is_as_theirs_where_the_intervals_meet() -> None:
    few, many = (measured("A1", "left", 30.0, SHARE, "more", quick=False, of=n) for n in (20, 2000))
    assert (few.said, many.said) == ("as theirs", "better")
    assert few.theirs == "30 % (14.5–51.9, n 20)"


def test_by_hand_gives_every_number_of_the_course_but_those_that_are_wrong(say: Say, tmp_path: Path) -> None:
    said = json.loads(say("lab", "by-hand", "--out", tmp_path / "b", "--json").out)
    rows = {(row["row"], row["what"]): row for row in said["rows"]}
    assert {row["row"] for row in said["rows"]} == {f"B{number}" for number in range(1, 13)}
    differs = [row["what"] for row in said["rows"] if row["said"] not in ("equal", "they give none")]
    assert differs == ["size of the output, stride 2"]
    assert rows["B3", "the loss after that step as they write it"]["ours"].endswith("30.16375")
    page = (tmp_path / "b/report.html").read_text("utf-8")
    assert all(row["ours"] in page for row in said["rows"])
    assert "By hand" in page


def test_what_a_lab_says_is_verified(say: Say, tmp_path: Path) -> None:
    place = tmp_path / "b"
    made = say("lab", "by-hand", "--out", place)
    assert made.code == 0, made.err
    assert say("verify", place).code == 0
    file = place / "report.json"
    forged = json.loads(file.read_text("utf-8"))
    forged["rows"][0]["ours"] = "[2, 2]"
    file.write_text(json.dumps(forged), "utf-8")
    found = say("verify", place)
    assert found.code == 1
    assert "ours is '[2, 2]', '[2, 1]' wanted" in found.out
    file.unlink()
    assert say("verify", place).code == 1


def small(name: str, quick: bool) -> Lab:
    """Two steps on the digits."""
    steps = (
        Step(f"train digits_cnn --epochs 1 --images {100 if quick else 200} --out {{out}}/net", 2),
        Step("attack {out}/net --attack fgsm --threat 'linf(0.1)' --images 20", 1),
    )

    def rows(bench: Bench) -> list[Row]:
        return [
            alone("Z1", "left", bench.left("net", "fgsm", 0.1)),
            exact("Z2", "parameters", 1, bench.parameters("net")),
        ]

    return Lab(name, steps, rows, ("net",))


def test_a_lab_that_was_stopped_goes_on_where_it_was(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "lab_of", lambda asked: small(asked.name, asked.quick))
    real, ran, place = lab._run, [], tmp_path / "small"

    def stopped(words: list[str]) -> None:
        ran.append(words[0])
        if ran == ["train", "attack"]:
            raise KeyboardInterrupt
        real(words)

    monkeypatch.setattr(lab, "_run", stopped)
    assert say("lab", "by-hand", "--out", place).code == 130
    assert len(json.loads((place / "lab.json").read_text("utf-8"))["steps"]) == 1
    again = say("lab", "by-hand", "--out", place, "--json")
    assert (again.code, ran) == (0, ["train", "attack", "attack"])
    told = {row["row"]: row for row in json.loads(again.out)["rows"]}
    assert told["Z2"]["said"] == "differs"
    assert "n 20" in told["Z1"]["ours"]
    assert say("verify", place).code == 0
    real(["attack", str(place / "net"), "--attack", "fgsm", "--threat", "linf(0.1)", "--images", "10"])  # by a reader
    assert say("verify", place).code == 0
    assert say("lab", "by-hand", "--out", place, "--json").out == again.out
    copy = shutil.copytree(place, tmp_path / "copy", copy_function=shutil.copy)  # at other times, in another place
    assert say("verify", copy).code == 0
    lab_json = place / "lab.json"
    lab_json.write_text(lab_json.read_text("utf-8").replace('"quick": false', '"quick": true'), "utf-8")
    assert "was made by another command" in say("verify", place).out
    lab_json.write_text(lab_json.read_text("utf-8").replace('"quick": true', '"quick": false'), "utf-8")
    forged = place / "net/metrics.jsonl"
    forged.write_text(forged.read_text("utf-8").replace('"epoch": 1', '"epoch": 2'), "utf-8")
    assert say("verify", place).code == 1
    assert say("lab", "by-hand", "--out", place).code == 0
    assert ran[3:] == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"name": "record", "quick": false, "data": null, "steps": []}',
        '{"name": 3, "quick": false, "data": null, "steps": []}',
        '{"name": "by-hand", "quick": false, "data": null, "steps": [{}]}',
        '{"name": "by-hand", "quick": false, "data": null, "steps": [1]}',
    ],
)
def test_a_damaged_lab_is_a_line(say: Say, tmp_path: Path, text: str) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/lab.json").write_text(text)
    for words in (["lab", "by-hand", "--out", tmp_path / "b"], ["verify", tmp_path / "b"]):
        said = say(*words)
        assert said.code == 2
        assert "lab.json is damaged" in said.err
        assert said.err.count("\n") == 1


def test_whose_command_it_was_does_not_hang_on_the_place() -> None:
    step = "attack {out}/net --attack {out}/own.py:f --images 10"
    assert made_by(step, "assay attack 'my labs/a/net' --attack 'my labs/a/own.py:f' --images 10 --force")
    assert not made_by(step, "assay attack a/net --attack b/own.py:f --images 10")
    assert not made_by(step, "assay attack a/net --attack a/own.py:f --images 11")
    assert not made_by(step, "assay attack a/net --attack a/own.py:f --images 10 --seed 1")
    assert made_by("train mlp --tensorboard --out {out}/net", "assay train mlp --out /x/net --resume")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nothing"], "unknown lab 'nothing'; there are list, by-hand"),
        (["by-han"], "did you mean 'by-hand'?"),
        (["own-conv-vit-hardening", "--data", "mnist"], "larger images are folder:PATH or parquet:PATH"),
        (["own-conv-vit-hardening", "--data", "folder:nowhere", "--out", "none"], "nowhere"),
        (["by-hand", "--data", FOLDER], "--data folder:pictures: by-hand has no rows about other images"),
    ],
)
def test_a_mistake_is_one_line(say: Say, words: list[str], line: str) -> None:
    said = say("lab", *words)
    assert said.code == 2
    assert line in said.err
    assert said.err.count("\n") == 1


def test_a_folder_of_something_else_is_left_alone(say: Say, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("dear")
    assert "holds something that is no lab" in say("lab", "by-hand", "--out", tmp_path, "--force").err
    assert (tmp_path / "letter").read_text() == "dear"
    assert "is a file, a folder wanted" in say("lab", "by-hand", "--out", tmp_path / "letter").err
    say("lab", "by-hand", "--out", tmp_path / "b")
    said = say("lab", "by-hand", "--quick", "--out", tmp_path / "b")
    assert "holds by-hand, asked for is by-hand --quick: another --out, or --force" in said.err


def test_each_lab_says_what_it_is(say: Say) -> None:
    assert [line.split()[0] for line in say("lab", "list").out.splitlines()] == list(NAMES)
    assert set(NAMES.values()) == set(LABS)

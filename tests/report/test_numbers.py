"""report.json and the model card say what the page says; and verify counts them again."""

import json
from pathlib import Path

import pytest

from assay.cli import main
from assay.report.card import card
from assay.report.numbers import numbers
from assay.report.page import PANELS
from assay.report.seen import look
from tests.mistakes.saying import Say, alone, say
from tests.report.runs import ATTACKED, bare_run, make_run

__all__ = ["alone", "say"]  # fixtures
EVIL = "<script>alert(1)</script> | # `x`"


def test_every_panel_has_its_numbers(tmp_path: Path) -> None:
    (run,) = numbers(look([make_run(tmp_path / "run")]))["runs"]
    assert set(run["panels"]) == {panel.__name__ for panel in PANELS}
    assert run["panels"]["verdict"]["robust"]["count"] == 8
    assert [line["count"] for line in run["panels"]["gallery"]["frames"]] == [0, 3]
    assert run["panels"]["smallest"]["broken"] == 8
    json.dumps(run, allow_nan=False)


def test_a_panel_without_data_is_null(tmp_path: Path) -> None:
    (run,) = numbers(look([bare_run(tmp_path / "run")]))["runs"]
    empty = {name for name, found in run["panels"].items() if found is None}
    assert empty == {panel.__name__ for panel in PANELS} - {"reproduce", "limits"}


def test_how_to_read_each_panel_is_told(tmp_path: Path) -> None:
    told = (Path(__file__).parents[2] / "docs/reading-a-report.md").read_text("utf-8")
    titles = [panel(look([bare_run(tmp_path / "run")])).title for panel in PANELS]
    assert [title for title in titles if f"**{title}" not in told] == []


def test_runs_are_compared_as_on_the_page(tmp_path: Path) -> None:
    seen = look([make_run(tmp_path / name) for name in ("a", "b")])
    (line,) = numbers(seen)["together"]
    assert (line["first"], line["other"], line["gained"], line["lost"], line["p"]) == ("a", "b", 0, 0, 1.0)


def test_the_card_is_front_matter_and_sections(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    (one,) = look([make_run(tmp_path / "run", ("ape", EVIL, "cat"))])
    _, front, text = card(one).split("---\n", 2)
    (result,) = yaml.safe_load(front)["model-index"][0]["results"]
    assert result["task"]["type"] == "image-classification"
    assert result["dataset"] == {"type": "digits", "name": "digits", "split": "test"}
    clean, robust = result["metrics"]
    assert (clean["type"], clean["value"], clean["args"]["n"]) == ("accuracy", 16 / 24, 24)
    assert (robust["value"], robust["args"]["eps"], robust["args"]["norm"]) == (8 / 24, 0.1, "linf")
    assert 0 < robust["args"]["low_95"] < robust["value"] < robust["args"]["high_95"] < 1
    for section in ("Model Details", "Uses", "Bias, Risks, and Limitations", "Training Details", "Evaluation"):
        assert f"\n## {section}\n" in text
    assert "<script>" not in text
    assert "\\# \\`x\\`" in text


def test_a_card_of_a_run_that_nobody_tested(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    (one,) = look([bare_run(tmp_path / "run")])
    assert yaml.safe_load(card(one).split("---\n")[1])["model-index"] == [{"name": "run", "results": []}]
    assert "Nobody has tested this model yet" in card(one)


def test_they_are_written_beside_the_page(say: Say, alone: Path) -> None:
    for name in ("a", "b"):
        make_run(alone / name)
    assert say("report", "a", "--card").code == 0
    assert (alone / "README.md").exists()
    assert json.loads((alone / "report.json").read_text("utf-8"))["schema"] == 2
    assert "report.html exists" in say("report", "a").err
    assert say("report", "a", "b", "--out", "both.html", "--card").code == 0
    assert {"README-a.md", "README-b.md", "both.json"} <= {file.name for file in alone.iterdir()}
    (alone / "c.json").write_text("mine")
    assert "c.json exists" in say("report", "a", "--out", "c.html").err


def test_verify_counts_report_json_again(say: Say, alone: Path) -> None:
    make_run(alone / "run")
    assert main(["report", "run"]) == 0
    told = say("verify", "run", "--report", "report.json").out  # the run is made by hand, and differs
    assert told.split("report.json: ")[1].endswith("0 proofs checked\n  0 differences\n")
    said = json.loads((alone / "report.json").read_text("utf-8"))
    said["runs"][0]["panels"]["verdict"]["robust"]["count"] += 1
    said["runs"][0]["panels"]["smallest"]["high"] = 0.2
    said["runs"][0]["attacked"] = "another"
    (alone / "report.json").write_text(json.dumps(said))
    told = say("verify", "run", "--report", "report.json").out
    assert "report.json: run: it tells of the evaluation 'another', which the run has not" in told
    for forms in ({"attacked": {}}, {"clean": [1]}, {"folder": 1}, {"panels": None}, {"panels": {"reproduce": {}}}):
        (alone / "report.json").write_text(json.dumps(said | {"runs": [said["runs"][0] | forms]}))
        told = say("verify", "run", "--report", "report.json")
        assert told.code == 1
        assert "report.json: run: " in told.out
    said["runs"][0]["attacked"] = ATTACKED
    (alone / "report.json").write_text(json.dumps(said))
    told = say("verify", "run", "--report", "report.json").out
    assert "report.json: run panels verdict robust count is 9, 8 wanted" in told
    assert "report.json: run panels smallest high is 0.2, None wanted" in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nothing", "is no report.json"),
        ('{"schema": 2, "schema": 2, "runs": [], "together": []}', "it says 'schema' twice"),
        ("{}", "it names no runs"),
        ('{"schema": 2, "runs": [], "together": []}', "it names no runs"),
        ('{"schema": 1, "runs": [{"weights": "v"}], "together": []}', "has schema 1"),
        (
            '{"schema": 2, "runs": [{"weights": "v"}], "together": []}',
            "tells nothing of run: of no run with its weights, w",
        ),
    ],
)
def test_what_is_no_report_is_told_in_a_line(say: Say, alone: Path, text: str, told: str) -> None:
    make_run(alone / "run")
    (alone / "report.json").write_text(text)
    said = say("verify", "run", "--report", "report.json")
    assert said.code == 2
    assert told in said.err

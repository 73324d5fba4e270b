"""What explain says and writes of it, and what the report shows."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from assay.quality import judge
from assay.report.page import page
from assay.run_folder import open_run
from assay.verify.ledger import Ledger
from tests.explain.test_panels import change
from tests.mistakes.saying import alone, finished, refuse, run, say, undrawn

__all__ = ["alone", "finished", "refuse", "run", "say", "undrawn"]
IMAGES = ("--image", "1446", "1321")


def explained(run: Path, method: str) -> Path:
    (path,) = run.glob(f"explanations/*{method}")
    return path


def test_a_control_is_marked_with_the_reason_and_everything_is_stored(say, run):
    said = say("explain", "run", "--method", "edges", *IMAGES)
    assert said.code == 0, said
    assert "  do not trust (4 checks on 32 images)" in said.out.splitlines()
    assert "randomisation: the map stays the same when all weights are drawn anew" in said.out
    found = open_run(run).explanation(explained(run, "edges").name)
    told, arrays = found.read_json("quality.json"), found.read_arrays("quality.safetensors")
    assert told["n"] == len(arrays["index"]) == 32
    assert told["again"] == len(arrays["stability"]) == 8
    assert arrays["index"][:2].tolist() == [1446, 1321]
    assert Ledger().same("", "", {key: told[key] for key in judge(arrays)}, judge(arrays))
    assert arrays["deletion.method"].shape == (32, told["steps"] + 1)
    assert np.array_equal(arrays["deletion.method"], arrays["deletion.edges"])
    as_json = json.loads(say("explain", "run", "--method", "edges", *IMAGES, "--force", "--json").out)
    assert as_json["quality"][as_json["explanations"][0]] == told


def test_checks_can_be_left_out_and_leave_nothing(say, run):
    assert "trust" not in say("explain", "run", "--method", "edges", *IMAGES, "--no-checks").out
    path = explained(run, "edges")
    assert not list(path.glob("quality*"))
    assert json.loads((path / "config.json").read_text())["checked"] is False
    page([open_run(run)])


@pytest.mark.slow
def test_the_report_shows_mark_curves_and_table(say, run):
    assert say("explain", "run", "--method", "edges", *IMAGES).code == 0
    text = page([open_run(run)])
    panel = re.search(r'<section id="explanations".*?</section>', text, re.DOTALL).group()
    edges = panel[panel.index("<h3>edges: is it true?</h3>") :].split("<h3>", 2)[1]
    assert re.search(r'class="light red"><span aria-hidden="true">■</span>\s*Do not trust</strong>', edges)
    assert "the map stays the same when all weights are drawn anew" in edges
    assert "how the map was checked, on 32 images" in edges
    assert edges.count("<svg") == 2
    assert edges.count("<em>failed</em>") >= 1
    assert "n 8" in edges
    change(explained(run, "edges") / "quality.safetensors", lambda found: found["randomisation"].fill(0))
    again = page([open_run(run)])
    edges = again[again.index("<h3>edges: is it true?</h3>") :].split("<h3>", 2)[1]
    assert "the map stays the same when all weights" not in edges  # the figures are counted from the numbers


BROKEN = {
    "no curve": lambda found: found.pop("insertion.moved"),
    "another length": lambda found: found.update({"deletion.edges": found["deletion.edges"][:, 1:]}),
    "fewer rows": lambda found: found.update({"deletion.edges": found["deletion.edges"][1:]}),
    "more than sure": lambda found: found["insertion.method"].fill(2),
    "not finite": lambda found: found["stability"].fill(np.nan),
    "half of the sum": lambda found: found.update({"completeness.sum": found["probability"]}),
    "of what": lambda found: found.update(other=found["probability"]),
    "a class that is none": lambda found: found["explained"].fill(10),
}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("name", BROKEN)
def test_damaged_numbers_are_named_in_one_line(refuse, run, name):
    path = explained(run, "occlusion-patch=8") / "quality.safetensors"
    change(path, BROKEN[name])
    assert refuse("report", "run").startswith(f"{path.relative_to(run.parent)} is damaged: ")

"""The first hour runs from the top, in one namespace, and holds no outputs."""

import json
import multiprocessing
import os
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.docs.play import prepare, run_python

NOTEBOOK = ROOT / "examples/first_hour.ipynb"
CELLS = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
CODE = [
    re.sub("^%.*$", "", "".join(cell["source"]), flags=re.MULTILINE) for cell in CELLS if cell["cell_type"] == "code"
]


def hour(place: Path) -> tuple[list[str], dict[str, Any]]:
    """What each cell says, and some of what is known at the end."""
    os.chdir(place)
    names: dict[str, Any] = {"__name__": "__main__"}
    said = [run_python(code, f"cell {number}", names) for number, code in enumerate(CODE)]
    kept = {name: names[name] for name in ("gained", "lost", "EPS")}
    left, pgd, images, labels = (names[name] for name in ("left", "pgd", "pixels", "labels"))
    told = {name: left(names[name], pgd(names[name], images, labels), labels) for name in ("network", "louder")}
    return said, kept | told


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell["cell_type"] == "code"], ids=lambda cell: cell["id"])
def test_no_output_is_in_the_file(cell: dict[str, Any]) -> None:
    assert cell["outputs"] == []
    assert cell["execution_count"] is None


def test_the_first_hour_shows_what_it_says_that_it_shows(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=prepare) as pool:
        said, known = pool.submit(hour, tmp_path).result()
    assert known["louder"] > known["network"] + 0.3  # the cure that is none
    robust = re.findall(r"robust: right under all of them +0.15 +([0-9.]+) %", "".join(said))
    assert abs(float(robust[0]) - float(robust[1])) <= 5  # and what a real evaluation says of both
    assert "do not trust" in "".join(said)  # of the edge detector
    assert known["gained"] > 10 * known["lost"]
    assert (tmp_path / "first-hour/report.html").exists()
    assert "  0 differences" in said[-1]

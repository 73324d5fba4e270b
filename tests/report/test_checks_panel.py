"""Whether to believe the number: each light in colour, shape and word, and beside the number itself."""

import html
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.report.checks import LIGHTS, checks
from assay.report.html import Panel
from assay.report.seen import look
from assay.report.verdict import verdict
from assay.run_folder import open_run
from tests.mistakes.saying import alone, refuse, say
from tests.report.runs import ATTACKED, bare_run, make_run
from tests.report.test_panels import EVIL
from tests.report.test_report import Outline

__all__ = ["alone", "refuse", "say"]  # fixtures
FINDINGS = [
    {"check": "eight_bit", "light": "green", "because": "all still fool", "evidence": {"fool": 1.0}, "seconds": 0.1},
    {"check": "restarts", "light": "red", "because": "5 of 9 fall", "evidence": {"looked": 9, "fell": 5}, "seconds": 2},
    {"check": "randomness", "light": "amber", "because": "it draws", "evidence": {"wrong": 0.03125}, "seconds": 0.5},
]
RED = {"verdict": "suspicious", "because": ["5 of 9 fall"], "n": 16, "findings": FINDINGS}
GREEN = {"verdict": "believable", "because": [], "n": 16, "findings": FINDINGS[:1]}
AMBER = {"verdict": "not enough evidence", "because": ["it draws", "too few"], "n": 7, "findings": FINDINGS[::2]}


def made(path: Path, found: dict[str, Any] | None) -> Path:
    run = make_run(path)
    if found:
        run.evaluation(ATTACKED).write_json("checks.json", found)
    return path


def shown(panel: Callable[..., Panel], *paths: Path) -> str:
    found = panel(look([open_run(path) for path in paths]))
    assert Outline(found.body).stack == []
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.body))


def test_each_light_has_its_shape_and_word_and_the_worst_stands_first(tmp_path: Path) -> None:
    text = shown(checks, made(tmp_path / "run", RED))
    rows = ("restarts : suspicious 5 of 9 fall.", "randomness : not enough evidence it draws.")
    places = [text.index(row) for row in (*rows, "eight bit : nothing wrong all still fool.")]
    assert places == sorted(places)
    for (shape, word), count in zip(LIGHTS.values(), (2, 1, 1), strict=True):  # red stands above as well
        assert text.count(shape) == count, word
    assert "by 1 of 3 checks on 16 images" in text
    assert "looked 9, fell 5" in text
    assert "wrong 0.03125" in text


def test_what_it_says_is_escaped(tmp_path: Path) -> None:
    finding = FINDINGS[1] | {"because": EVIL, "check": EVIL, "evidence": {EVIL: 1.0}}
    made(tmp_path / "run", RED | {"because": [EVIL], "findings": [finding]})
    for panel in (checks, verdict):
        body = panel(look([open_run(tmp_path / "run")])).body
        assert EVIL not in body
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (RED, "■ suspicious : 5 of 9 fall"),
        (AMBER, "▲ not enough evidence : it draws; and 1 more"),
        (GREEN, "● believable "),
        (None, ""),
    ],
)
def test_the_number_carries_the_verdict(tmp_path: Path, found: dict[str, Any] | None, said: str) -> None:
    text = shown(verdict, made(tmp_path / "run", found))
    cell = text[text.index("robust accuracy") : text.index("eps that breaks half")]
    assert cell.rpartition(", n 24")[2].strip() == said.strip()


def test_without_checks_it_says_what_makes_them(tmp_path: Path) -> None:
    panel = checks(look([open_run(made(tmp_path / "run", None))]))
    wanted = f"assay evaluate {tmp_path}/run --suite standard --threat 'linf(0.1)' --eps 0.0,0.1"
    assert (panel.fill, panel.body) == (wanted, "")
    bare_run(tmp_path / "bare")
    panel = checks(look([open_run(tmp_path / "bare")]))
    assert panel.fill == f"assay evaluate {tmp_path}/bare --suite standard"


def test_beside_a_run_that_was_checked_the_other_says_what_checks_it(tmp_path: Path) -> None:
    from assay.cli import function_of
    from assay.cli.parsing import read_arguments

    one, other = made(tmp_path / "one", GREEN), made(tmp_path / "other $", None)
    panel = checks(look([open_run(one), open_run(other)]))
    assert panel.fill is None
    text = shown(checks, one, other)
    assert "It may be believed, as far as 1 check on 16 images can tell" in text
    command = html.unescape(re.findall("<code>(.*?)</code>", panel.body)[0])
    _, verb, *words = shlex.split(command)
    assert words[0] == str(other)
    assert read_arguments(verb, function_of(verb), words) is not None


def test_what_was_checked_but_is_not_shown_is_named(tmp_path: Path) -> None:
    run, newer = make_run(tmp_path / "run"), f"{ATTACKED}-standard"
    shutil.copytree(run.evaluation(ATTACKED).path, run.evaluation(newer).path)
    run.evaluation(newer).write_json("checks.json", GREEN)
    run.evaluation(newer).write_json("config.json", run.evaluation(newer).read_json("config.json"))  # the newest
    assert "It may be believed" in shown(checks, run.path)
    other = made(tmp_path / "other", None)  # of what both have, nothing was checked
    text = shown(checks, run.path, other)
    assert f"draws no curve: {newer}" in text
    assert text.count("Not checked yet.") == 1


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("verdict",), "splendid", "verdict must be 'believable' or 'suspicious' or 'not enough evidence'"),
        (("because",), "text", "because must be a list"),
        (("findings",), {}, "findings must be a list"),
        (("findings", 0), {}, "lacks because, check, evidence, light, seconds"),
        (("findings", 0, "light"), "blue", "light must be 'green' or 'amber' or 'red'"),
        (("findings", 0, "because"), None, "because must be text"),
        (("findings", 0, "evidence", "fool"), "1", "fool must be a number"),
        (("findings", 0, "evidence", "fool"), float("nan"), "fool must be a number"),
        (("n",), 0.5, "n must be a whole number"),
    ],
)
def test_damaged(refuse: Callable[..., str], path: tuple[Any, ...], value: Any, said: str) -> None:
    found = json.loads(json.dumps(RED))
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    file = make_run(Path("run")).evaluation(ATTACKED).path / "checks.json"
    file.write_text(json.dumps(found))
    line = refuse("report", "run")
    assert line.startswith(f"{file} is damaged: ")
    assert said in line
    assert not Path("report.html").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "{"])
def test_of_another_kind(refuse: Callable[..., str], content: str) -> None:
    file = make_run(Path("run")).evaluation(ATTACKED).path / "checks.json"
    file.write_text(content)
    assert refuse("report", "run").startswith(f"{file} is damaged: ")

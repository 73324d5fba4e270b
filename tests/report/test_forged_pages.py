"""A page whose words, script, drawings or pictures are not those of its runs is named by verify, and no other is."""

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.cli import main
from assay.report.page import page_of
from assay.run_folder import open_run
from assay.verify.ledger import Ledger
from assay.verify.page import verify_page
from assay.verify.report import verify_report
from tests.mistakes.saying import Say, alone, say
from tests.report.runs import ATTACKED, make_run

__all__ = ["alone", "say"]  # fixtures
PIXEL = base64.b64encode(b"another picture").decode()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page about two runs, beside them."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for name in ("plain", "hard"):
            make_run(place / "runs" / name)
            change(place / "runs" / name / "model.json", lambda text, name=name: text.replace('"w"', f'"{name}"'))
        assert main(["report", "runs/plain", "runs/hard", "--out", "page.html"]) == 0
    return place


@pytest.fixture
def page(made: Path, alone: Path) -> Path:
    """The same, to be changed."""
    shutil.copytree(made, alone, dirs_exist_ok=True)
    return Path("page.html")


def change(file: Path, how: Callable[[str], str]) -> None:
    before = file.read_text("utf-8")
    after = how(before)
    assert after != before
    file.write_text(after, "utf-8")


def told(*runs: str, file: str = "page.html") -> tuple[list[str], list[str]]:
    """What differs in the report, and what is not known."""
    ledger = verify_report([open_run(Path(run)) for run in runs], Path(file), page_of)
    return ledger.differences, ledger.unknown


def said_of(page: Path, made: Path) -> tuple[list[str], list[str]]:
    """The same of the page alone."""
    ledger = Ledger()
    figures = json.loads(page.with_suffix(".json").read_text("utf-8"))
    verify_page(ledger, page, figures, (made / "page.html").read_text("utf-8"))
    return ledger.differences, ledger.unknown


FORGED: dict[str, Callable[[str], str]] = {
    "a number in a table": lambda text: re.sub(r"<td>33\.3", "<td>93.3", text, count=1),
    "a number under a figure": lambda text: re.sub(
        r"(<desc[^>]*>.*?)33\.3", r"\g<1>93.3", text, count=1, flags=re.DOTALL
    ),
    "a word": lambda text: text.replace("</h2>", " proven</h2>", 1),
    "a panel that is gone": lambda text: re.sub(r'<section id="limits".*?</section>', "", text, flags=re.DOTALL),
    "a table that is hidden": lambda text: text.replace("<table>", '<table style="display: none">', 1),
    "another script": lambda text: text.replace("<script>", "<script>/**/", 1),
    "another style": lambda text: text.replace("<style>", "<style>table{display:none}", 1),
    "a word that a browser reads": lambda text: text.replace("<main>", "<main><![CDATA[><b>99.9 %</b>]]>", 1),
    "a question to nobody": lambda text: text.replace("<main>", "<main><?php ?><b>99.9 %</b>", 1),
    "a style that calls itself a picture": lambda text: text.replace(
        "<main>", '<main style="data:image/;display:none">', 1
    ),
    "a word in a figure": lambda text: text.replace("</desc>", "</desc><b>99.9 %</b>", 1),
    "a word beside a figure's words": lambda text: text.replace("</desc>", "</desc><foreignObject/>", 1),
    "another end": lambda text: text + "<p>And it is safe.</p>",
}
DRAWN: dict[str, Callable[[str], str]] = {
    "a line of a figure": lambda text: re.sub(r'(<svg.*?<path d="M )\d+', r"\g<1>7", text, count=1, flags=re.DOTALL),
    "a picture": lambda text: re.sub(r"data:image/png;base64,[^\"]+", f"data:image/png;base64,{PIXEL}", text, count=1),
}


def test_a_page_of_its_runs_is_left_alone(page: Path, alone: Path) -> None:
    assert told("runs/plain", "runs/hard") == ([], [])
    shutil.move(alone / "runs", alone / "elsewhere")
    later = alone / "elsewhere/hard/evaluations"
    shutil.copytree(later / ATTACKED, later / f"{ATTACKED}-later")
    assert told("elsewhere/hard", "elsewhere/plain", file="page.json") == ([], [])


@pytest.mark.parametrize("forged", [*FORGED, *DRAWN])
def test_a_forged_page_is_named(page: Path, made: Path, forged: str) -> None:
    change(page, (FORGED | DRAWN)[forged])
    differences, unknown = said_of(page, made)
    assert [line.split(":")[0] for line in differences] == ["page.html"]
    assert ("drawing" in differences[0]) == (forged in DRAWN)
    assert not unknown
    change(page.with_suffix(".json"), lambda text: re.sub(r'("matplotlib": ")', r"\g<1>9", text))
    assert bool(said_of(page, made)[0]) == (forged in FORGED)  # who made it is what the forger says


def test_the_first_word_that_differs_is_told(page: Path, say: Say) -> None:
    change(page, FORGED["a number in a table"])
    said = say("verify", "runs/plain", "runs/hard", "--report", page)
    assert said.code == 1
    assert re.search(r"page.html: in the panel '[A-Z].*' it says '….*93\.3.*…', '….*33\.3.*…' wanted", said.out)
    assert "xa0" not in said.out


def test_runs_that_change_their_names_are_named(page: Path) -> None:
    swap = {"plain": "hard", "hard": "plain"}
    names = r'(?<="name": ")(plain|hard)(?=")'
    change(page.with_suffix(".json"), lambda text: re.sub(names, lambda found: swap[found[0]], text))
    assert told("runs/plain", "runs/hard")[0] == [
        "page.json: hard: so it calls runs/plain, in the folder 'runs/plain'",
        "page.json: plain: so it calls runs/hard, in the folder 'runs/hard'",
    ]


def test_what_compares_the_runs_is_counted_again(page: Path) -> None:
    figures = page.with_suffix(".json")
    said = json.loads(figures.read_text("utf-8"))
    said["together"][0]["gained"] += 3
    figures.write_text(json.dumps(said))
    assert told("runs/plain", "runs/hard")[0] == ["page.json: together [at eps 0.1] gained is 3, 0 wanted"]


def test_other_versions_draw_otherwise_and_say_the_same(page: Path, made: Path) -> None:
    change(page.with_suffix(".json"), lambda text: re.sub(r'("matplotlib": ")', r"\g<1>9", text))
    assert said_of(page, made) == ([], [])
    change(page, DRAWN["a line of a figure"])
    differences, unknown = said_of(page, made)
    assert not differences
    assert "page.html: whether its drawings are right" in unknown[0]
    change(page, FORGED["a word"])
    assert said_of(page, made)[0]
    change(page.with_suffix(".json"), lambda text: re.sub(r'("assay": ")', r"\g<1>9.", text, count=1))
    assert said_of(page, made)[0][0].startswith(
        "page.html: assay '9.0.1.0' made it, says report.json, and this is 0.1.0"
    )


def test_one_of_its_runs_is_not_enough_for_the_page(page: Path) -> None:
    change(page, FORGED["a number in a table"])
    differences, unknown = told("runs/plain")
    assert not differences
    assert unknown == [
        "page.json: of its 2 runs 1 is given here: to compare them and to make the page again, give them all"
    ]


def test_a_page_in_place_of_a_run_is_told_how(say: Say, page: Path) -> None:
    said = say("verify", page)
    assert said.code == 2
    assert "is a page, a run folder wanted: assay verify RUN" in said.err

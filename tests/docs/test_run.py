"""The first five minutes are run once; every other page goes on from there, in a folder of its own."""

import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, pieces
from tests.docs.play import pictures, play, prepare

START = ROOT / "docs/start.md"
AT_ONCE = ("docs/verbs/", "docs/start.md", "docs/adding-", "docs/what-", "docs/lessons.md")
Play = Callable[..., list[str]]


def usually(page: Path) -> str:
    """When the blocks of a page are run of which nothing is said."""
    if page.name == "measured.md":  # an hour or more: what it was measured by
        return "never"
    return "now" if str_of(page).startswith(AT_ONCE) else "longer"


def those(when: str) -> list[Path]:
    """The pages on which something is run then."""
    return [page for page in PAGES if any(piece.runs == when for piece in pieces(page, usually(page)))]


def str_of(page: Path) -> str:
    """As a test is called."""
    return str(page.relative_to(ROOT))


FILES = {piece.file: piece.text for page in PAGES for piece in pieces(page) if piece.file}
NOW = [page for page in those("now") if page != START]


@pytest.fixture(scope="session")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Somebody who does what a page says, and has a cache and a process of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, initializer=prepare) as pool:

            def does(page: Path, place: Path, *when: str) -> list[str]:
                return pool.submit(play, page, usually(page), when, place, "longer" in when).result()

            yield does


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory, reader: Play) -> Path:
    """The folder in which somebody has spent the first five minutes."""
    place = tmp_path_factory.mktemp("first")
    reader(START, place, "now")
    return place


@pytest.fixture
def after(first: Path, tmp_path: Path) -> Path:
    """A copy of its runs to go on with, and the files that pages show."""
    place = tmp_path / "here"
    shutil.copytree(first / "runs", place / "runs")
    for file, text in FILES.items():
        (place / file).write_text(text, "utf-8")
    return place


def test_the_first_five_minutes_end_in_a_report(first: Path) -> None:
    assert (first / "report.html").stat().st_size > 100_000


def test_a_hardening_does_not_repeat_what_was_evaluated(first: Path) -> None:
    (folder,) = (first / "runs/plain/evaluations").glob("*-quick")
    assert json.loads((folder / "env.json").read_text("utf-8"))["command"].startswith("assay evaluate")


@pytest.mark.parametrize("page", NOW, ids=str_of)
def test_a_page_does_what_it_shows(page: Path, after: Path, reader: Play) -> None:
    assert reader(page, after, "now")


@pytest.mark.parametrize("page", those("longer"), ids=str_of)
def test_a_page_with_what_takes_longer(page: Path, after: Path, reader: Play) -> None:
    pictures(after / "pictures")
    assert reader(page, after, "now", "longer")

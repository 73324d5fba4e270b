"""The page: whole, self-contained, escaped, and saying only what the tables say."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from assay.cli import main
from assay.report.page import PANELS, page
from assay.run_folder import open_run
from tests.end_to_end.conftest import demo, read

pytestmark = pytest.mark.slow
__all__ = ["demo"]  # the fixture
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Outline(HTMLParser):
    """Ids, images, figures and whether every element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.figures: list[dict[str, str | None]] = []
        self.stack: list[str] = []
        self.scripts = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [found["id"]] if found.get("id") else []
        self.scripts += tag == "script"
        if tag == "img":
            self.images.append(found)
        if tag == "svg":
            self.figures.append(found)
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag, f"</{tag}> closes nothing"


@pytest.fixture(scope="module")
def html(demo: Path) -> str:
    return (demo / "report.html").read_text("utf-8")


def test_nothing_is_loaded_from_anywhere(html: str) -> None:
    assert not re.search(r"""(src|href|srcset|action)=(?!["'](data:|#))""", html)
    assert not re.search(r"@import|url\((?!#|data:)", html)
    assert Outline(html).scripts == 1  # the slider's


def test_it_is_small_and_well_formed(html: str) -> None:
    outline = Outline(html)
    assert outline.stack == []
    assert len(outline.ids) == len(set(outline.ids))
    assert len(html.encode()) < 2_000_000


def test_every_picture_and_figure_has_a_text(html: str) -> None:
    outline = Outline(html)
    assert len(outline.images) > 50
    assert all(image["alt"] for image in outline.images)
    # curve, damage, smallest, calibration, loss, accuracy and price of both; two confusions each; two of each method
    assert len(outline.figures) == 15
    for figure in outline.figures:
        assert figure["role"] == "img"
        assert all(name in outline.ids for name in (figure["aria-labelledby"] or "").split())


def test_references_inside_the_page_lead_somewhere(html: str) -> None:
    outline = Outline(html)
    targets = set(re.findall(r'(?:xlink:)?href="#([^"]+)"', html)) | set(re.findall(r"url\(#([^)]+)\)", html))
    assert targets <= set(outline.ids)


def test_colours_come_from_the_style_so_that_they_turn_with_the_theme(html: str) -> None:
    drawn = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "var(--run0)" in drawn
    assert "var(--ink)" in drawn
    assert not re.search(r"#0[0-9]0[0-9]0[0-9]", drawn)


def test_the_figures_are_those_of_the_table(html: str, demo: Path) -> None:
    name = "evaluations/digits-test-360-a9198e-linf-0.15-untargeted-quick/results.json"
    for run in ("plain", "hardened"):
        for line in read(demo / run / name)["robust"]:
            shown = f"{100 * line['share']:.1f}\N{NO-BREAK SPACE}% ({100 * line['low']:.1f}–{100 * line['high']:.1f})"
            assert shown in html


def test_a_changed_results_file_does_not_change_the_report(demo: Path, tmp_path: Path) -> None:
    copy = tmp_path / "plain"
    shutil.copytree(demo / "plain", copy)
    before = page([open_run(copy)])
    for results in copy.glob("evaluations/*/results.json"):
        results.write_text(results.read_text().replace('"share": 0.', '"share": 0.9'))
    assert page([open_run(copy)]) == before


def test_what_a_user_wrote_is_escaped(demo: Path, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    copy = tmp_path / "<b>plain"
    shutil.copytree(demo / "plain", copy)
    for config in [*copy.glob("*/*/config.json"), copy / "model.json"]:
        config.write_text(config.read_text().replace('"7"', f'"{evil}"'))
    html = page([open_run(copy)])
    assert evil not in html
    assert "<b>plain" not in html
    assert "&lt;script&gt;" in html


def test_an_empty_run_says_which_commands_fill_it(demo: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bare"
    shutil.copytree(demo / "plain", copy, ignore=shutil.ignore_patterns("evaluations", "explanations", "metrics.jsonl"))
    html = page([open_run(copy)])
    assert html.count("<section id=") == len(PANELS)
    assert (
        html.count("No data yet.") == len(PANELS) - 3
    )  # the data themselves, how to make all of it again, and the limits
    assert "assay evaluate" in html
    assert "assay explain" in html


def test_a_single_run_and_an_imported_order_work(demo: Path, tmp_path: Path) -> None:
    out = tmp_path / "one.html"
    assert main(["report", str(demo / "hardened"), "--out", str(out)]) == 0
    assert "McNemar" not in out.read_text()
    assert main(["report", str(demo / "hardened"), str(demo / "plain"), "--out", str(out), "--force"]) == 0
    assert "stand under plain that fell under hardened" in out.read_text()


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (1100, "dark"), (390, "light"), (320, "dark")])
def test_a_browser_shows_it_without_overflow_request_or_complaint(demo: Path, width: int, scheme: str) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        tab, requests, messages = context.new_page(), [], []
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: messages.append(message.text))
        tab.goto((demo / "report.html").as_uri())
        size = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert tab.evaluate(size) == 0
        browser.close()
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert messages == []

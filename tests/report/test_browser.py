"""The page in a browser: axe finds nothing, keys move the slider, all is there in print and without script."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.report.page import page
from tests.report.runs import make_run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two runs, one with a name that is hard to bear."""
    folder = tmp_path_factory.mktemp("browser")
    runs = [make_run(folder / "plain"), make_run(folder / 'a "<b>&')]
    (folder / "report.html").write_text(page(runs), encoding="utf-8")
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


def opened(browser: Any, address: str, **settings: Any) -> tuple[Any, list[str]]:
    """A tab, and whatever it complains of or asks the network for."""
    tab, heard = browser.new_context(**settings).new_page(), []
    tab.on("console", lambda message: heard.append(message.text))
    tab.on("pageerror", lambda error: heard.append(str(error)))
    tab.on("request", lambda request: heard.append(request.url) if request.url[:5] not in ("file:", "data:") else None)
    tab.goto(address)
    return tab, heard


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(browser: Any, address: str, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    tab, _ = opened(browser, address, color_scheme=scheme, viewport={"width": 1000, "height": 800})
    tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    found = axe.run(tab).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    tab.evaluate("document.querySelector('img').removeAttribute('alt')")  # it would see it
    assert [one["id"] for one in axe.run(tab).response["violations"]] == ["image-alt"]
    tab.context.close()


def test_the_slider_is_moved_by_keys(browser: Any, address: str) -> None:
    tab, heard = opened(browser, address, viewport={"width": 390, "height": 800})
    slide, told = tab.get_by_label("eps (linf)"), tab.locator(".told")
    assert told.text_content().startswith("at eps 0.1: plain: 3 of 4 pictures are broken")
    frame, word = tab.locator("figure .frame").nth(1), tab.locator(".word").nth(1)
    place = "element => getComputedStyle(element).backgroundPositionX"
    assert (word.text_content(), frame.evaluate(place)) == ("broken", "100%")
    slide.focus()
    tab.keyboard.press("Home")
    assert told.text_content().startswith("at eps 0: plain: 0 of 4 pictures are broken")
    assert (word.text_content(), frame.evaluate(place)) == ("robust", "0%")
    assert slide.get_attribute("aria-valuetext") == "eps 0"
    assert "at eps 0," in frame.get_attribute("aria-label")
    tab.keyboard.press("ArrowRight")
    assert told.text_content().startswith("at eps 0.1:")
    assert tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    assert heard == []
    tab.context.close()


def test_without_script_every_frame_is_in_a_table(browser: Any, address: str) -> None:
    tab, heard = opened(browser, address, java_script_enabled=False)
    assert not tab.locator("input[type=range]").first.is_visible()
    tab.locator("summary", has_text="every frame of plain").click()
    cells = tab.locator("table.all").first.locator("td")
    assert cells.count() == 8  # 4 pictures at 2 eps
    assert cells.last.is_visible()
    assert "broken" in cells.last.text_content()
    assert heard == []
    tab.context.close()


def test_in_print_the_frame_of_the_threat_shows(browser: Any, address: str, tmp_path: Path) -> None:
    tab, heard = opened(browser, address)
    tab.get_by_label("eps (linf)").focus()
    tab.keyboard.press("Home")
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator(".told").text_content().startswith("at eps 0.1:")
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator(".told").text_content().startswith("at eps 0:")
    tab.emulate_media(media="print")
    assert not tab.locator("input[type=range]").first.is_visible()
    assert tab.locator("figure .frame").first.is_visible()
    tab.set_viewport_size({"width": 720, "height": 1000})  # what paper has, where nothing scrolls
    assert tab.evaluate("document.documentElement.scrollWidth") <= 720
    printed = tab.pdf()
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
    assert heard == []
    tab.context.close()


def test_a_script_that_somebody_wrote_into_a_page_does_not_run(browser: Any, address: str, tmp_path: Path) -> None:
    """Should an escape ever be forgotten, the page's own policy forbids it."""
    html = Path(address.removeprefix("file://")).read_text("utf-8")
    evil = html.replace(
        "</main>", "<script>document.title = 'taken'</script><img src=x onerror='document.title=1'></main>"
    )
    (tmp_path / "evil.html").write_text(evil, encoding="utf-8")
    tab, heard = opened(browser, (tmp_path / "evil.html").as_uri())
    assert tab.title().startswith("assay: ")
    assert any("Content Security Policy" in line for line in heard)
    tab.context.close()

"""A page against the one that its runs make: all of it; where other versions draw, all but lines and pixels."""

import re
from pathlib import Path
from typing import Any

from assay import __version__
from assay.report.numbers import drawn
from assay.verify.ledger import Ledger, apart, parting, short

VERSION = "assay {} made it, says report.json, and this is {}, which writes other pages: only that one can confirm it"
DRAWN = "{}: whether its drawings are right, lines and pixels: it names {} as their maker, here are {}; its words are"
FIGURE = re.compile(r'<svg class="figure".*?</svg>', re.DOTALL)
PICTURE = re.compile(r'(?<=["(]data:image/)(?:png|webp);base64,[A-Za-z0-9+/=]*(?=[")])')
TAGS = {"clipPath", "defs", "desc", "g", "image", "path", "rect", "style", "svg", "text", "title", "tspan", "use"}


def verify_page(ledger: Ledger, file: Path, said: dict[str, Any], again: str) -> None:
    """again: the page as it is made here; said: the report.json beside it, which names the versions that made it."""
    if not file.is_file():
        ledger.unsure(f"what the page said: there is no {file}")
    elif said.get("assay") != __version__:
        ledger.differs(file, VERSION.format(short(said.get("assay")), __version__))
    elif (text := file.read_text("utf-8", "replace")) == again:
        ledger.figures += 1
    elif (here := _words(text)) != (there := _words(again)):
        place = parting(here, there)
        says, wanted = apart(here, there, place)
        ledger.differs(file, f"{_panel(there[:place])} it says {says}, {wanted} wanted")
    elif said.get("drawn") == drawn():
        ledger.differs(file, "a drawing or a picture in it is not the one that is made of these runs")
    else:
        ledger.unsure(DRAWN.format(file, _told(said.get("drawn")), _told(drawn())))


def _words(page: str) -> str:
    """The page without the bytes of its pictures, and of its figures their words alone."""
    return FIGURE.sub(_words_of, PICTURE.sub("", page))


def _words_of(figure: re.Match[str]) -> str:
    """What stands between the tags. What else may be read, or is no drawing, stays."""
    drawing = figure.group()
    if "<!" in drawing or "<?" in drawing or set(re.findall(r"<([^\s/>]+)", drawing)) - TAGS:
        return drawing
    return "<svg>\n" + "\n".join(text for text in re.findall(r">([^<]*)<", drawing) if text.strip())


def _panel(before: str) -> str:
    titles = re.findall(r"<h2[^>]*>(.*?)</h2>", before)
    return f"in the panel {titles[-1]!r}" if titles else "before its panels"


def _told(made: object) -> str:
    pairs = made.items() if isinstance(made, dict) else ()
    return short(", ".join(f"{name} {version}" for name, version in pairs) or "unknown versions")

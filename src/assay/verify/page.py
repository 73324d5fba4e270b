"""A page against the one that its runs make: every word and number in it, and then what is drawn."""

from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path
from typing import Any

from assay import __version__
from assay.report.numbers import drawn
from assay.verify.ledger import Ledger, short

VERSION = "{}: whether it says what its figures say: assay {} made it, this is {}"
DRAWN = "{}: whether its drawings are right, lines and pixels: made by {}, here are {}; its words and tables are"
GONE = "nothing"


def verify_page(ledger: Ledger, file: Path, said: dict[str, Any], again: str) -> None:
    """again: the page as it is made here; said: the report.json beside it, which names the versions that made it."""
    if not file.is_file():
        ledger.unsure(f"what the page said: there is no {file}")
    elif said.get("assay") != __version__:
        ledger.unsure(VERSION.format(file, short(said.get("assay")), __version__))
    elif (text := file.read_text("utf-8", "replace")) == again:
        ledger.figures += 1
    else:
        _words(ledger, file, text, again)
        _drawings(ledger, file, said.get("drawn"))


def _words(ledger: Ledger, file: Path, text: str, again: str) -> None:
    pairs = list(zip_longest(_Words.of(text), _Words.of(again), fillvalue=("at its end", GONE)))
    if wrong := [(one, other) for one, other in pairs if one != other]:
        (where, word), (_, wanted) = wrong[0]
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        ledger.differs(file, f"{where} it says {short(word)}, {short(wanted)} wanted{more}")


def _drawings(ledger: Ledger, file: Path, made: object) -> None:
    """What else is in it are lines and pixels, which other versions draw otherwise."""
    if any(line.startswith(f"{file}:") for line in ledger.differences):
        return
    if made == drawn():
        ledger.differs(file, "a drawing or a picture in it is not the one that is made of these runs")
    else:
        ledger.unsure(DRAWN.format(file, _told(made), _told(drawn())))


def _told(made: object) -> str:
    pairs = made.items() if isinstance(made, dict) else ()
    return short(", ".join(f"{name} {version}" for name, version in pairs) or "unknown versions")


class _Words(HTMLParser):
    """All that a page says, each with the panel that it stands in: text, styles, scripts, and what tags hold.

    Not: pictures, and of a drawing all but its words.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self.panel, self.drawing, self.heading = "before its panels", 0, False

    @classmethod
    def of(cls, text: str) -> list[tuple[str, str]]:
        words = cls()
        words.feed(text)
        words.close()
        return words.found

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.drawing += tag == "svg"
        self.heading = tag == "h2"
        told = [] if self.drawing else [pair for pair in attrs if not (pair[1] or "").startswith("data:image/")]
        held = [name if value is None else f'{name}="{value}"' for name, value in told]
        self.found.append((self.panel, f"<{' '.join([tag, *held])}>"))

    def handle_endtag(self, tag: str) -> None:
        self.drawing -= tag == "svg"
        self.found.append((self.panel, f"</{tag}>"))

    def handle_data(self, data: str) -> None:
        if self.heading and data.strip():
            self.panel, self.heading = f"in the panel {data.strip()!r}", False
        self.found += [(self.panel, line.strip()) for line in data.splitlines() if line.strip()]

    def handle_comment(self, data: str) -> None:
        self.found.append((self.panel, f"<!--{data}-->"))

    def handle_decl(self, decl: str) -> None:
        self.found.append((self.panel, f"<!{decl}>"))

"""What a page asks a reader to do: its commands, with what is shown of their answers, and its Python.

A block of code, fenced or indented, is made of commands, each with the lines below it as its answer; or it is Python. A
comment before it that no reader sees says more, if there is more to say:

    <!-- longer -->         only make test-all runs it
    <!-- read: why -->      it is read, and not run, because …
    <!-- exit 1 -->         with this exit code
"""

import ast
import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")])
ABOUT_THIS_FOLDER = ("make", "pip", "source")  # looked up and not run: they set up what runs the tests
SHELL = ("assay", "python", "torchrun", *ABOUT_THIS_FOLDER)
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(\.\d+)?(e[-+]?\d+)?|\d+(\.\d+)?(e[-+]?\d+)?")
FENCE = re.compile(r"^ *```(\w*)$")
COMMENT = re.compile(r"^<!-- (.*) -->$")
INLINE = re.compile(r"`(assay [^`]+)`")


@dataclass(frozen=True)
class Piece:
    """A command, or a block of Python, with the lines that are shown of its answer. runs: now, longer or never."""

    page: Path
    line: int
    text: str
    shown: tuple[str, ...] = ()
    python: bool = False
    runs: str = "now"
    code: int = 0

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT) if self.page.is_relative_to(ROOT) else self.page}:{self.line}"

    @property
    def words(self) -> list[str]:
        """Of a command, without what is said beside it."""
        return shlex.split(self.text, comments=True)

    @property
    def file(self) -> str:
        """The name of the file that a block of Python is, as its first line says; "" if it is none."""
        found = re.match(r"# (\w+\.py)\b", self.text)
        return found[1] if self.python and found else ""


def pieces(page: Path, usually: str = "now") -> list[Piece]:
    """All that a page asks for, in its order; `usually` is when a block runs of which nothing else is said."""
    return [piece for block in blocks(page) for piece in _of_block(page, usually, *block)]


def blocks(page: Path) -> Iterator[tuple[int, str, list[str], str]]:
    """The first line's number, the language, the lines and the comment before them."""
    lines, comment, number = page.read_text("utf-8").splitlines(), "", 0
    while number < len(lines):
        line = lines[number]
        if fence := FENCE.match(line):
            end = next(place for place in range(number + 1, len(lines)) if lines[place].strip() == "```")
            yield number + 2, fence[1], lines[number + 1 : end], comment
            number, comment = end + 1, ""
        elif line.startswith("    ") and not (number and lines[number - 1].strip()):
            end = number
            while end < len(lines) and (lines[end].startswith("    ") or not lines[end].strip()):
                end += 1
            yield number + 1, "", textwrap.dedent("\n".join(lines[number:end])).splitlines(), comment
            number, comment = end, ""
        else:
            comment = found[1] if (found := COMMENT.match(line)) else comment if not line.strip() else ""
            number += 1


def inline(page: Path) -> list[Piece]:
    """The commands that stand in a sentence."""
    text = re.sub(
        r"^```.*?^```|^ {4}.*?$", lambda found: "\n" * found[0].count("\n"), page.read_text("utf-8"), flags=16 | 8
    )
    found = ((text[: match.start()].count("\n") + 1, " ".join(match[1].split())) for match in INLINE.finditer(text))
    return [Piece(page, line, words, runs="never") for line, words in found]


def _of_block(page: Path, usually: str, number: int, language: str, lines: list[str], comment: str) -> list[Piece]:
    runs = "never" if comment.startswith("read: ") else "longer" if "longer" in comment else usually
    code = int(found[1]) if (found := re.search(r"exit (\d)", comment)) else 0
    if language == "python":
        shown = tuple(found[1] for line in lines if (found := re.match(r"print\(.*\)  # (.*)", line)))
        return [Piece(page, number, "\n".join(lines) + "\n", shown, True, runs)]
    commands: list[tuple[int, str, list[str]]] = []
    whole = False  # whether the command has come to its end
    for place, line in enumerate(lines):
        if commands and not whole:
            commands[-1] = (commands[-1][0], commands[-1][1].removesuffix("\\") + line.strip(), [])
            whole = not line.endswith("\\")
        elif line.split(" ")[0] in SHELL:
            commands.append((number + place, line, []))
            whole = not line.endswith("\\")
        elif commands and line.strip():
            commands[-1][2].append(line)
    return [
        Piece(page, place, text, tuple(shown), False, "never" if text.split()[0] in ABOUT_THIS_FOLDER else runs, code)
        for place, text, shown in commands
    ]


def missing(shown: tuple[str, ...], said: str) -> list[str]:
    """The shown lines that were not said, one after the other. Numbers and spaces may differ; … stands for anything."""
    lines = iter([_shape(line) for line in re.split("[\r\n]", said)])
    wanted = [line for line in shown if line.strip() != "…"]
    return [line for line in wanted if not any(_pattern(line).fullmatch(each) for each in lines)][:1]


def _shape(line: str) -> str:
    return NUMBER.sub("0", " ".join(line.split()))


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(re.escape(_shape(line)).replace("…", ".*"))


def parses(text: str) -> bool:
    """Whether it is Python."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True

"""Files that are whole or not there: written beside their place, then moved into it."""

import json
import os
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

OBEYED = ("Cc", "Cs", "Zl", "Zp")  # categories of signs that end a line, or that a terminal takes for an order
TURNS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")  # and those that turn what follows around


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes `path` when the block ends well, and vanishes when it does not.

    A killed process leaves either the old file or the new one. OSError (a full disk) names the file, and leaves the
    old one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        part = Path(name)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    except OSError as error:
        error.filename = str(path)  # not the part, which nobody knows; and a full disk names no file at all
        raise
    finally:
        if part:
            part.unlink(missing_ok=True)


def made(env: Path) -> str:
    """When something was made, as its env.json says; "" where it does not, or cannot be read."""
    try:
        return str(json.loads(env.read_text("utf-8"))["date"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def parsed(text: str) -> Any:
    """What JSON says; ValueError where it says something twice, or half a character, which no report could hold."""
    content = json.loads(text, object_pairs_hook=_once)
    if "\\u" in text:
        json.dumps(content, ensure_ascii=False).encode()
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of a key that stands there twice a person reads the first value, and Python the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it says {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def reason(error: BaseException) -> str:
    """What went wrong, in one line of at most 200 characters: of a message its first line, which may be empty."""
    first = next(iter(str(error).strip().splitlines()), "")
    return (first or type(error).__name__)[:200]


def printable(text: str) -> str:
    """The same text, with an escape (\\n, \\x1b) for each sign that a terminal would obey instead of print."""
    return "".join(ascii(sign)[1:-1] if _obeyed(sign) else sign for sign in text)


def _obeyed(sign: str) -> bool:
    return unicodedata.category(sign) in OBEYED or unicodedata.bidirectional(sign) in TURNS


def fault(error: BaseException) -> str:
    """The same, with the kind of error in front: what a person wants to know of code of their own."""
    kind, first = type(error).__name__, reason(error)
    return kind if first == kind else f"{kind}: {first}"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

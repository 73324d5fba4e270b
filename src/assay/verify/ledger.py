"""What was compared: agreements are counted, each difference is a line, and what nobody can know is said."""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import numpy as np

ROUNDING = 1e-6  # relative: some means are of float32, which another machine sums in another order
LONGEST = 60  # characters of a value in a line
Tell = str | Callable[[int], str]


@dataclass
class Ledger:
    """figures and proofs count what was found right; `unknown` says what was not looked at, or cannot be known."""

    figures: int = 0
    proofs: int = 0
    differences: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    rerun: dict[str, dict[str, int]] = field(default_factory=dict)

    def differs(self, where: object, text: str) -> None:
        """A difference, in one line."""
        self.differences.append(f"{where}: {text}")

    def unsure(self, text: str) -> None:
        """What cannot be known; each once."""
        if text not in self.unknown:
            self.unknown.append(text)

    def same(self, where: object, what: str, says: Any, wanted: Any) -> bool:
        """Compare a figure, or a tree of lists and tables of them."""
        if isinstance(wanted, Mapping) and isinstance(says, Mapping):
            inner = [self._branch(where, what, key, says, wanted) for key in [*wanted, *(set(says) - set(wanted))]]
            return all(inner)
        if isinstance(wanted, list) and isinstance(says, list) and len(says) == len(wanted) and wanted:
            names = [_name(what, place, value) for place, value in enumerate(wanted)]
            agree = [self.same(where, *triple) for triple in zip(names, says, wanted, strict=True)]
            return all(agree)
        if equal(says, wanted):
            self.figures += 1
            return True
        told = (short(says), short(wanted))
        if told[0] == told[1]:  # both too long, and alike as far as they are shown
            texts = repr(says), repr(wanted)
            told = apart(*texts, parting(*texts))
        self.differs(where, f"{what} is {told[0]}, {told[1]} wanted")
        return False

    def rows(self, where: object, index: np.ndarray, wrong: np.ndarray, tell: Tell) -> None:
        """One line for all the rows that are wrong: of the first what `tell` says of it, and how many more."""
        if len(bad := np.flatnonzero(wrong)):
            more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
            text = tell if isinstance(tell, str) else tell(int(bad[0]))
            self.differs(where, f"image {index[bad[0]]}: {text}{more}")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What cannot be read, or is damaged, is a difference, and the rest is looked at all the same."""
        try:
            yield
        except (ValueError, OSError) as error:
            self.differences.append(_spoken(error))

    def _branch(self, where: object, what: str, key: str, says: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
        name = f"{what} {key}".strip()
        if key in says and key in wanted:
            return self.same(where, name, says[key], wanted[key])
        text = f"is missing, {short(wanted[key])} wanted" if key in wanted else f"says {short(says[key])}: of what?"
        self.differs(where, f"{name} {text}")
        return False


def as_read(content: Any) -> Any:
    """What is counted again, as a file of JSON would hold it: a tuple is a list there."""
    return json.loads(json.dumps(content))


def equal(says: Any, wanted: Any) -> bool:
    """Whether two values of JSON are the same; floats up to rounding."""
    if isinstance(wanted, float) and isinstance(says, int | float) and not isinstance(says, bool):
        return math.isclose(says, wanted, rel_tol=ROUNDING, abs_tol=1e-12)
    return type(says) is type(wanted) and bool(says == wanted)


def short(value: Any) -> str:
    """A value in a line."""
    text = f"{value:.9g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def parting(one: str, other: str) -> int:
    """Where two texts part."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (here, there) in pairs if here != there), min(len(one), len(other)))


def apart(one: str, other: str, place: int) -> tuple[str, str]:
    """Two long texts around the place where they part, for a line; of HTML what is read, if that differs."""
    cuts = [text[max(0, place - LONGEST // 2) : place + LONGEST // 2] for text in (one, other)]
    read = [unescape(re.sub(r"<[^<>]*>|^[^<>]*>|<[^<>]*$", " ", cut)) for cut in cuts]
    first, second = (f"'…{' '.join(text.split())}…'" for text in (cuts if read[0] == read[1] else read))
    return first, second


def _name(what: str, place: int, value: Any) -> str:
    """What a line of a list is called: by its attack and eps where it has them."""
    if isinstance(value, Mapping) and "eps" in value:
        return f"{what} [{value.get('attack', '')} at eps {value['eps']:g}]".replace("[ at", "[at")
    return f"{what} [{place}]"


def _spoken(error: ValueError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())

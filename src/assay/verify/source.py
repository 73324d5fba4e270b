"""The clean images that a file of a run tells of, looked for where it says they came from."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.data import DATA, SPLITS, ImageSet, Wish, load, spoken
from assay.files import printable, reason
from assay.verify.ledger import Ledger


class Source:
    """Data sets by name and split; each is loaded once. `home` is the run's own; `moved` is where its files lie now."""

    def __init__(self, home: str, moved: str | None = None) -> None:
        self.home, self.moved = home, moved
        self.known: dict[Any, ImageSet | ValueError] = {}

    def whole(
        self,
        ledger: Ledger,
        where: object,
        name: str,
        split: str,
        shape: Sequence[int],
        classes: Sequence[str],
        command: str = "",
    ) -> ImageSet | None:
        """A whole split, in that size and order of classes; None, and a word about it, where it cannot be had.

        A folder or a Parquet file may be called by its own name alone, as an evaluation does: then it is the run's,
        or the one that the command named.
        """
        here = self._place(name, command)
        if here is None:
            ledger.unsure(f"the images called {name!r}, which is no data set: {where}")
            return None
        if split not in SPLITS:
            ledger.differs(where, f"split is {split!r}, which is none of {', '.join(SPLITS)}")
            return None
        if len(shape) != 3 or min(shape) < 1:
            ledger.differs(where, f"shape is {list(shape)}, [C, H, W] wanted")
            return None
        found = self._load(here, split, shape)
        if isinstance(found, ValueError):
            ledger.unsure(f"the images of {here} {split}, which cannot be had here: {reason(found)}")
            return None
        try:
            if found.shape != tuple(shape):
                raise ValueError(f"{name} has images {found.shape}")
            return replace(found.named(classes), name=_called(name))
        except ValueError as error:
            ledger.differs(where, f"shape is {list(shape)} and there are {len(classes)} classes, but {error}")
            return None

    def first(
        self, ledger: Ledger, where: object, images: ImageSet | None, n: int | None, drawn: int | None = None
    ) -> ImageSet | None:
        """The first n of them, as every verb takes them, or so many drawn by a seed."""
        if images is None or n is None:
            return images
        try:
            return images.first(n) if drawn is None else images.drawn(n, drawn)
        except ValueError as error:
            ledger.differs(where, f"n is {n}, but {error}")
            return None

    def _place(self, name: str, command: str) -> str | None:
        """What to load for that name."""
        _, options = asked(command)
        told = [*options.get("data", []), self.home, name]  # a folder may be called mnist
        found = next((text for text in told if _kind(text) and (text == name or _called(text) == name)), None)
        at_home = found is not None and _kind(found) == _kind(self.home) and _called(found) == _called(self.home)
        return self.moved if self.moved and at_home and ":" in self.home else found

    def _load(self, name: str, split: str, shape: Sequence[int]) -> ImageSet | ValueError:
        key = name, split, tuple(shape)
        if key not in self.known:
            try:  # images that cannot be read were left out, or there were no figures
                wish = Wish(shape[0], (shape[1], shape[2]), skip_bad=True)
                self.known[key] = load(name, split, None, wish)
            except ValueError as error:
                self.known[key] = error
        return self.known[key]


def _kind(name: str) -> str:
    """The kind of source that a name begins with; "" for none."""
    kind = name.partition(":")[0]
    return kind if kind in map(spoken, DATA) else ""


def _called(name: str) -> str:
    """What the images of a name are called: the name, or that of the folder or the file."""
    kind, _, path = name.partition(":")
    place = Path(path).expanduser().resolve()
    return printable(place.stem if kind == "parquet" else place.name) if path else kind


def asked(command: str) -> tuple[str, dict[str, list[str]]]:
    """The verb of a command line, and each option's values."""
    try:
        _, verb, *words = shlex.split(command)
    except ValueError:
        return "", {}
    options: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            options.setdefault(name, []).extend([value] if equals else [])
        elif name:
            options[name].append(word)
    return verb, options

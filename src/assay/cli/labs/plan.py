"""What a lab is: the commands that make its runs, and its rows, a course's figure beside ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from assay.cli.options import grouped
from assay.tally import share

if TYPE_CHECKING:
    from assay.cli.labs.bench import Bench

Said = Literal["better", "worse", "as theirs", "equal", "differs", "they give none", "not comparable", "short form"]
Better = Literal["more", "less", "same"]
LATER = ("--force", "--resume", "--tensorboard")  # what a lab puts behind a step, or leaves out, as things stand


@dataclass(frozen=True)
class Step:
    """A command, as it is typed after `assay`; {out} is the lab's folder. seconds: what it took in full."""

    command: str
    seconds: float


@dataclass(frozen=True)
class Row:
    """A figure of the course, ours, and how they stand to each other; why, where that needs a word."""

    row: str
    what: str
    theirs: str
    ours: str
    said: Said
    why: str = ""


@dataclass(frozen=True)
class Lab:
    """A course. files: copied into the lab's folder first. shown: the runs whose panels follow the rows on the page.

    lessons: those that are worked in full on the page.
    """

    title: str
    steps: tuple[Step, ...]
    rows: "Callable[[Bench], list[Row]]"
    shown: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    lessons: tuple[str, ...] = ()


def exact(row: str, what: str, theirs: object, ours: object, why: str = "", quick: bool = False) -> Row:
    """A number that follows from a definition, or a text: equal or not. In the quick form nothing is said."""
    said: Said = "short form" if quick else "equal" if theirs == ours else "differs"
    return Row(row, what, spelt(theirs), spelt(ours), said, why)


def alone(row: str, what: str, ours: object, why: str = "") -> Row:
    """A figure that the course does not give."""
    return Row(row, what, "", spelt(ours), "they give none", why)


def apart(row: str, what: str, theirs: object, ours: object, why: str) -> Row:
    """Two figures that say nothing about each other, and why."""
    return Row(row, what, spelt(theirs), spelt(ours), "not comparable", why)


def measured(
    row: str,
    what: str,
    theirs: float,
    ours: Mapping[str, Any],
    better: Better,
    quick: bool,
    why: str = "",
    of: int | None = None,
) -> Row:
    """A share of images beside theirs in percent: as theirs where their number lies within the 95 % interval of ours.

    of: how many images theirs is of, where that is known: then it has an interval, too, and the two are to meet.
    In the quick form, whose networks have hardly learnt, nothing is said.
    """
    low, high = 100 * ours["low"], 100 * ours["high"]
    least, most = _interval(theirs, of) if of else (theirs, theirs)
    above = most < low if better == "more" else least > high
    said: Said = "as theirs" if least <= high and low <= most else "better" if above else "worse"
    if better == "same" and said != "as theirs":
        said = "differs"
    told = f"{theirs:g} %" + (f" ({least:.1f}–{most:.1f}, n {of})" if of else "")
    return Row(row, what, told, spelt(ours), "short form" if quick else said, why)


def gained(row: str, what: str, theirs: float, ours: Mapping[str, float], quick: bool, why: str = "") -> Row:
    """Points of accuracy that a change gains, paired on the same images, beside theirs."""
    low, high = ours["low"], ours["high"]
    said: Said = "as theirs" if low <= theirs <= high else "better" if theirs < low else "worse"
    told = f"{ours['points']:+.1f} points ({low:+.1f} to {high:+.1f})"
    return Row(row, what, f"{theirs:+g} points", told, "short form" if quick else said, why)


def _interval(percent: float, of: int) -> tuple[float, float]:
    found = share(np.arange(of) < round(percent * of / 100))
    return 100 * found["low"], 100 * found["high"]


def spelt(value: object) -> str:
    """A figure for people: shares of images with interval and n, whole numbers in groups of three."""
    if isinstance(value, Mapping):
        return f"{100 * value['share']:.1f} % ({100 * value['low']:.1f}–{100 * value['high']:.1f}, n {value['n']})"
    if isinstance(value, int):
        return grouped(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)

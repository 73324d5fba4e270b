"""Exercises: a question with numbers of the student's own, and a key that reads an answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import torch

from assay.chance import Draws
from assay.lessons.paper import numbers
from assay.lessons.paper.numbers import Value, flat, shape, spoken

DEPTHS = (numbers.number, numbers.row, numbers.table, numbers.channels)
WORDS = ("true", "false", "yes", "no")


@dataclass(frozen=True)
class Exercise:
    """A question and its key: a word, or numbers; `places` is how many decimals are asked for, None for exact ones."""

    question: str
    key: Value | str
    places: int | None = None

    def right(self, answer: str) -> bool:
        """Whether the answer is the key; ValueError if it is no answer to such a question."""
        text = re.sub(r"[\[\]()\s]", "", answer)  # brackets are a matter of taste
        if isinstance(self.key, str):
            if text.lower() not in WORDS:
                raise ValueError(f"--answer {answer!r}: write true or false")
            return text.lower() == self.key
        depth = len(shape(self.key))
        given = DEPTHS[depth](text, f"--answer {answer!r}")
        if shape(given) != shape(self.key):
            return False
        off = Fraction(0) if self.places is None else Fraction(6, 10 ** (self.places + 1))  # half a place, and a tie
        return all(abs(Fraction(a) - Fraction(b)) <= off for a, b in zip(flat(given), flat(self.key), strict=True))

    def told(self) -> str:
        """The key, as an answer that is right."""
        if isinstance(self.key, str):
            return self.key
        signs = ("", ",", ";", "|")[: len(shape(self.key)) + 1]
        return _written(self.key, signs, self.places)


def _written(value: Value, signs: Sequence[str], places: int | None) -> str:
    if isinstance(value, tuple):
        return signs[-1].join(_written(part, signs[:-1], places) for part in value)
    if places is not None:
        return f"{float(value):.{places}f}"
    return spoken((value,))[1:-1]


class Dice:
    """A student's own numbers: whole ones, from (seed, lesson, what they are for)."""

    def __init__(self, seed: int, lesson: str) -> None:
        self.draws, self.lesson = Draws(numbers.whole(seed, "seed", 0, 10**9 - 1), torch.arange(1)), lesson

    def whole(self, low: int, high: int, *purpose: str) -> Fraction:
        """From low to high, both included."""
        return self.row(1, low, high, *purpose)[0]

    def row(self, count: int, low: int, high: int, *purpose: str) -> tuple[Fraction, ...]:
        """So many of them."""
        drawn = self.draws.integers(high - low + 1, (count,), self.lesson, *purpose)[0]
        return tuple(Fraction(low + one) for one in drawn.tolist())

    def table(self, rows: int, columns: int, low: int, high: int, *purpose: str) -> numbers.Table:
        """Rows of them."""
        drawn = self.row(rows * columns, low, high, *purpose)
        return tuple(drawn[place * columns : (place + 1) * columns] for place in range(rows))

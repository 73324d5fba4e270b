"""A lesson as it is handed out: its steps, its results computed twice, its sketch, its exercises."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from torch import Tensor

from assay.lessons.paper.exercise import Exercise
from assay.lessons.paper.numbers import Value, each, flat, shape, spoken
from assay.lessons.paper.sketch import Sketch


class DisagreementError(AssertionError):
    """Paper and torch come to different numbers: the lesson is wrong, and must not be taught."""


@dataclass(frozen=True)
class Result:
    """A number, or a table of them, computed on paper and by torch in float64.

    size is that of the largest sum of |terms| on the way; ulps is how many units in the last place of it the two may
    be apart, as many as there were roundings. 0 ulps: equal.
    """

    paper: Value
    torch: Any
    size: Fraction
    ulps: int

    @property
    def apart(self) -> float:
        """The largest difference, in units in the last place of `size`."""
        pairs = zip(flat(self.paper), flat(self.torch), strict=True)
        largest = max((abs(Fraction(a) - Fraction(b)) for a, b in pairs), default=Fraction(0))
        return float(largest / Fraction(math.ulp(float(self.size))))

    @property
    def agrees(self) -> bool:
        """Whether the shapes are equal, all is finite, and no number is further apart than allowed."""
        if shape(self.paper) != shape(self.torch) or not all(map(math.isfinite, flat(self.torch))):
            return False
        return self.apart <= self.ulps


def both(paper: Value, torch: Tensor | float | Sequence[Any], ulps: int, size: Value = None) -> Result:
    """A result; where nothing is said of its size, no sum on the way was larger than the largest number of it."""
    own = torch.tolist() if isinstance(torch, Tensor) else torch
    sizes = [abs(Fraction(one)) for one in flat(paper if size is None else size)]
    return Result(paper, _tuples(own), max(sizes, default=Fraction(0)) or Fraction(1), ulps)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Lesson:
    """One lesson with the numbers it was asked for. `lesson["loss"]` is a result, as on paper; `print(lesson)` all.

    Cannot be made where a result disagrees with torch: DisagreementError says which, and by how much.
    """

    name: str
    title: str
    settings: Mapping[str, Value]
    steps: tuple[str, ...]
    results: Mapping[str, Result]
    sketch: Sketch
    exercises: tuple[Exercise, ...]

    def __post_init__(self) -> None:
        for name, result in self.results.items():
            if not result.agrees:
                found = f"paper {spoken(result.paper)}, torch {result.torch}"
                raise DisagreementError(f"{self.name}: {name}: {found}; {result.ulps} ulp are allowed")

    def __getitem__(self, result: str) -> Value:
        if result not in self.results:
            raise KeyError(f"{self.name} has the results {', '.join(self.results)}, got {result!r}")
        return self.results[result].paper

    def __str__(self) -> str:
        return "\n".join([self.title, "", *self.steps, "", *self.agreement(), "", *self.questions()])

    def agreement(self) -> list[str]:
        """How far paper and torch are apart, a line for each result."""
        widest = max(map(len, self.results))
        head = "Computed twice, on paper and by torch in float64 (ulp: unit in the last place of what was added up):"
        return [head, *(f"  {name:<{widest}}  {_measured(result)}" for name, result in self.results.items())]

    def questions(self) -> list[str]:
        """The exercises, numbered."""
        return ["Exercises:", *(f"  {n}. {one.question}" for n, one in enumerate(self.exercises, 1))]

    def describe(self) -> dict[str, Any]:
        """For --json: exact numbers as text, beside torch's."""
        found = {
            name: {
                "paper": each(_text, result.paper),
                "torch": result.torch,
                "apart_ulps": result.apart,
                "allowed_ulps": result.ulps,
            }
            for name, result in self.results.items()
        }
        return {
            **{"lesson": self.name, "title": self.title, "settings": each_setting(self.settings)},
            **{"steps": list(self.steps), "results": found},
            "exercises": [one.question for one in self.exercises],
        }


def each_setting(settings: Mapping[str, Value]) -> dict[str, Any]:
    """Exact numbers as text."""
    return {name: each(_text, value) for name, value in settings.items()}


def _text(value: Any) -> Any:
    return f"{value:.20g}" if isinstance(value, Decimal) else str(value) if isinstance(value, Fraction) else value


def _measured(result: Result) -> str:
    if not result.ulps:
        return "equal"
    return f"{result.apart:.2g} ulp apart, {result.ulps} allowed"

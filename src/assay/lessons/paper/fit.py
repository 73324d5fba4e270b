"""A linear fit on paper: its loss, its gradient, its descent and its minimum, in exact fractions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from assay.lessons.paper.numbers import Row, Table, dot

ONE = Fraction(1)


@dataclass(frozen=True)
class Fit:
    """Examples x, a row each, and what is wanted of them, y. A point is the weights and then the bias."""

    x: Table
    y: Row

    def off(self, point: Row) -> Row:
        """How far each prediction is above what is wanted."""
        return tuple(dot((*inputs, ONE), point) - wanted for inputs, wanted in zip(self.x, self.y, strict=True))

    def loss(self, point: Row) -> Fraction:
        """The mean of squares."""
        off = self.off(point)
        return dot(off, off) / len(off)

    def columns(self) -> Iterator[tuple[str, Row]]:
        """The name of each parameter, and what it is multiplied by in each example."""
        for place, column in enumerate(zip(*self.x, strict=True), 1):
            yield f"w{place}", column
        yield "b", (ONE,) * len(self.y)

    def gradient(self, point: Row) -> Row:
        """Of the weights and then of the bias."""
        off = self.off(point)
        return tuple(2 * dot(off, column) / len(off) for _, column in self.columns())

    def moved(self, point: Row, by: Fraction) -> Row:
        """Along the gradient; down where `by` is negative."""
        return tuple(one + by * slope for one, slope in zip(point, self.gradient(point), strict=True))

    def descent(self, start: Row, rate: Fraction, steps: int) -> tuple[Row, ...]:
        """The start and each point after it."""
        path = [start]
        for _ in range(steps):
            path.append(self.moved(path[-1], -rate))
        return tuple(path)

    def scale(self, point: Row) -> Fraction:
        """The size of what is added up there: the loss and the gradient if all signs were equal; at least 1."""
        sums = [
            sum((abs(one * weight) for one, weight in zip((*inputs, ONE), point, strict=True)), abs(wanted))
            for inputs, wanted in zip(self.x, self.y, strict=True)
        ]
        most = max(abs(one) for inputs in (*self.x, (ONE,)) for one in inputs)
        return max(*(each * each for each in sums), *(2 * each * most for each in sums), *map(abs, point), ONE)

    def profile(self, first: float, second: float) -> float:
        """The loss with two weights at the bias that is best for them: the variance of what they leave."""
        left = [
            float(wanted) - first * float(a) - second * float(c) for (a, c), wanted in zip(self.x, self.y, strict=True)
        ]
        mean = sum(left) / len(left)
        return sum((one - mean) ** 2 for one in left) / len(left)


def lowest(fit: Fit) -> Row | None:
    """Where every derivative is 0, by elimination; None if that is no single point."""
    columns = [column for _, column in fit.columns()]
    lines = [[*(dot(one, other) for other in columns), dot(one, fit.y)] for one in columns]
    for place in range(len(lines)):
        pivot = next((line for line in lines[place:] if line[place]), None)
        if pivot is None:
            return None
        lines.remove(pivot)
        lines.insert(place, [one / pivot[place] for one in pivot])
        for other, line in enumerate(lines):
            if other != place:
                lines[other] = [a - line[place] * b for a, b in zip(line, lines[place], strict=True)]
    return tuple(line[-1] for line in lines)


def squares(one: Row, other: Row) -> Fraction:
    """The mean squared difference."""
    off = [a - b for a, b in zip(one, other, strict=True)]
    return dot(off, off) / len(off)


def own_error(predictions: Sequence[Fraction], targets: Sequence[Fraction]) -> float:
    """The same as a student writes it, in Python's floats."""
    total = 0.0
    for prediction, target in zip(map(float, predictions), map(float, targets), strict=True):
        total += (prediction - target) ** 2
    return total / len(targets)

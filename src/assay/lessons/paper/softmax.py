"""Softmax, cross-entropy and a linear classifier's descent on it, to 40 digits; once right, once with two softmaxes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import inf

from assay.lessons.paper.numbers import DIGITS, Table, Value, decimal, each, flat

NOTHING, ONE = Decimal(0), Decimal(1)
SMALL = Decimal("1e-25")  # what a path is moved by, to see what becomes of it
Point = tuple[tuple[Decimal, ...], ...]  # weights, a row for each class


def softmax(logits: Value) -> Value:
    """e to each, over their sum."""
    with localcontext(DIGITS):
        values = [decimal(one) for one in logits]
        powers = [(one - max(values)).exp() for one in values]
        total = sum(powers, NOTHING)
        return tuple(power / total for power in powers)


def cross_entropy(logits: Value, label: int) -> Decimal:
    """log of the sum of e to each, less the label's."""
    with localcontext(DIGITS):
        values = [decimal(one) for one in logits]
        top = max(values)
        return sum(((one - top).exp() for one in values), NOTHING).ln() + top - values[label]


def doubled(logits: Value, label: int) -> Decimal:
    """The cross-entropy that is given probabilities, and takes them for logits."""
    return cross_entropy(softmax(logits), label)


def slope(logits: Value, label: int) -> Value:
    """Of cross_entropy: p - y."""
    with localcontext(DIGITS):
        return tuple(one - (place == label) for place, one in enumerate(softmax(logits)))


def doubled_slope(logits: Value, label: int) -> Value:
    """Of doubled, by the chain rule: p·((q - y) - the sum of p·(q - y)), where q is the softmax of p."""
    with localcontext(DIGITS):
        p = softmax(logits)
        off = slope(p, label)
        mean = _product(p, off)
        return tuple(share * (one - mean) for share, one in zip(p, off, strict=True))


def least(classes: int) -> Decimal:
    """Of the doubled loss, where the label has probability 1: log(e + K - 1) - 1, which is log(1 + (K - 1)/e)."""
    with localcontext(DIGITS):
        return most(classes) - 1


def most(classes: int) -> Decimal:
    """Of the doubled loss, where another class has probability 1: log(e + K - 1)."""
    with localcontext(DIGITS):
        return (ONE.exp() + classes - 1).ln()


def length(row: Value) -> Decimal:
    """Euclid's."""
    with localcontext(DIGITS):
        return _product(row, row).sqrt()


def _product(left: Sequence[Decimal], right: Sequence[Decimal]) -> Decimal:
    return sum((a * b for a, b in zip(left, right, strict=True)), NOTHING)


def _apart(one: Point, other: Point) -> Decimal:
    return max(abs(a - b) for a, b in zip(flat(one), flat(other), strict=True))


@dataclass(frozen=True)
class Task:
    """Points x, a row each, and their classes y, learnt by logits = w·x."""

    x: Table
    y: tuple[int, ...]

    def logits(self, w: Point) -> list[tuple[Decimal, ...]]:
        """Of each point."""
        with localcontext(DIGITS):
            return [tuple(_product(line, each(decimal, point)) for line in w) for point in self.x]

    def loss(self, w: Point) -> Decimal:
        """The cross-entropy, on average."""
        return self._mean([cross_entropy(z, label) for z, label in zip(self.logits(w), self.y, strict=True)])

    def doubled(self, w: Point) -> Decimal:
        """The doubled one."""
        return self._mean([doubled(z, label) for z, label in zip(self.logits(w), self.y, strict=True)])

    def sure(self, w: Point) -> Decimal:
        """The probability of the right class, on average."""
        return self._mean([softmax(z)[label] for z, label in zip(self.logits(w), self.y, strict=True)])

    def _mean(self, values: Sequence[Decimal]) -> Decimal:
        with localcontext(DIGITS):
            return sum(values, NOTHING) / len(values)

    def step(self, w: Point, rate: Fraction, twice: bool) -> Point:
        """One step down the loss, or down the doubled one."""
        way = doubled_slope if twice else slope
        slopes = [way(z, label) for z, label in zip(self.logits(w), self.y, strict=True)]
        with localcontext(DIGITS):
            by, columns = decimal(rate) / len(self.x), [each(decimal, one) for one in zip(*self.x, strict=True)]
            return tuple(
                tuple(weight - by * _product(steep, column) for weight, column in zip(line, columns, strict=True))
                for line, steep in zip(w, zip(*slopes, strict=True), strict=True)
            )

    def descent(self, start: Point, rate: Fraction, steps: int, twice: bool) -> tuple[Point, ...]:
        """The start, and the weights after each step."""
        path = [start]
        for _ in range(steps):
            path.append(self.step(path[-1], rate, twice))
        return tuple(path)

    def steadiest(self) -> Fraction:
        """The largest rate at which the right way carries no error further than it was: 2 / L, L ≤ half the mean of
        |x|², as the loss is convex and no second derivative of log-sum-exp is above 1/2."""
        size = sum((one * one for point in self.x for one in point), Fraction(0)) / len(self.x)
        return 4 / size if size else Fraction(10**9)

    def growth(self, path: tuple[Point, ...], rate: Fraction, twice: bool) -> float:
        """By how much the way enlarges a small error, from any step on: measured on a path that starts beside it."""
        start = path[0]
        with localcontext(DIGITS):
            beside = tuple(
                tuple(one + SMALL * ((-1) ** (row + column)) / (1 + row + column) for column, one in enumerate(line))
                for row, line in enumerate(start)
            )
            other = self.descent(beside, rate, len(path) - 1, twice)
            apart = [_apart(*pair) for pair in zip(path, other, strict=True)]
        lowest, worst = inf, 1.0
        for one in map(float, apart):
            lowest = min(lowest, one)
            worst = max(worst, one / lowest if lowest else inf)
        return worst

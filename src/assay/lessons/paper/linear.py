"""A linear classifier of pixels, its cross-entropy, and FGSM and PGD against it, on paper."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from assay.lessons.paper.numbers import DIGITS, Row, Table, Value, decimal, dot
from assay.lessons.paper.softmax import softmax

FLAT = Decimal("1e-12")


def probabilities(w: Table, x: Row) -> Value:
    """The softmax of w·x, to 40 digits."""
    return softmax(tuple(dot(line, x) for line in w))


def softmax_gradient(w: Table, x: Row, label: int) -> Value:
    """Of the cross-entropy of that label, in x: the sum over classes of (probability - [it is the label])·w."""
    off = [DIGITS.subtract(one, Decimal(place == label)) for place, one in enumerate(probabilities(w, x))]
    found = []
    for column in zip(*w, strict=True):
        total = Decimal(0)
        for share, weight in zip(off, column, strict=True):
            total = DIGITS.add(total, DIGITS.multiply(share, decimal(weight)))
        found.append(total)
    return tuple(found)


@dataclass(frozen=True)
class Attack:
    """On pixels x of a linear classifier, within eps in linf and from 0 to 1."""

    w: Table
    x: Row
    eps: Fraction

    def along(self, point: Row, slope: Value, by: Fraction) -> Row:
        """Each pixel moved by `by` in the sign of the slope."""
        return tuple(one + by * ((part > 0) - (part < 0)) for one, part in zip(point, slope, strict=True))

    def projected(self, point: Row) -> Row:
        """The nearest allowed point: each pixel clipped to the ball, and then to 0 and 1."""
        near = (min(max(one, at - self.eps), at + self.eps) for one, at in zip(point, self.x, strict=True))
        return tuple(min(max(one, Fraction(0)), Fraction(1)) for one in near)

    def step(self, point: Row, label: int, by: Fraction) -> Row:
        """Up the loss of that label, or down where `by` is negative; projected.

        ValueError where a derivative is so near 0 that rounding would decide on its sign.
        """
        slope = softmax_gradient(self.w, point, label)
        if flattest := next((place for place, one in enumerate(slope, 1) if abs(one) < FLAT), None):
            raise ValueError(f"the loss hardly depends on pixel {flattest}: rounding would decide where it goes")
        return self.projected(self.along(point, slope, by))

    def walk(self, label: int, by: Fraction, steps: int) -> tuple[Row, ...]:
        """PGD from x on: every point."""
        path = [self.x]
        for _ in range(steps):
            path.append(self.step(path[-1], label, by))
        return tuple(path)

    def free(self, label: int, by: Fraction, steps: int) -> Fraction:
        """How far the same steps lead where nothing is projected."""
        point = self.x
        for _ in range(steps):
            point = self.along(point, softmax_gradient(self.w, point, label), by)
        return self.distance(point)

    def distance(self, point: Row) -> Fraction:
        """In linf."""
        return max(abs(one - at) for one, at in zip(point, self.x, strict=True))

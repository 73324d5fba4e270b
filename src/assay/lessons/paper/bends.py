"""A small network with a hidden layer of ReLUs, whose gradient changes from place to place, and two attacks on it."""

from dataclasses import dataclass
from fractions import Fraction

from assay.lessons.paper.numbers import Row, Table, dot, each, short, spoken
from assay.lessons.paper.plane import ROOM, signs

NEAR = Fraction(1, 10**9)  # of what is added up: nearer to 0 than that, rounding would decide
ZERO = Fraction(0)


@dataclass(frozen=True)
class Bent:
    """score(x) = v·relu(w·x + c) + b: class 1 where it is above 0, else class 0."""

    w: Table
    c: Row
    v: Row
    b: Fraction

    def hidden(self, x: Row) -> Row:
        """w·x + c, a number for each hidden unit, not yet through the ReLU."""
        return tuple(dot(line, x) + bias for line, bias in zip(self.w, self.c, strict=True))

    def score(self, x: Row) -> Fraction:
        """Of class 1."""
        return dot(self.v, (max(one, ZERO) for one in self.hidden(x))) + self.b

    def label(self, x: Row) -> int:
        """The class; ValueError where it hangs on rounding."""
        found = self.score(x)
        if abs(found) < NEAR * (1 + self.absolute().score(each(abs, x))):
            raise ValueError(f"the score at {spoken(x)} is {short(found)}: rounding would decide on the class")
        return int(found > 0)

    def gradient(self, x: Row) -> Row:
        """Of the score: the sum of v·w over the hidden units that are above 0; ValueError on a bend."""
        hidden = self.hidden(x)
        sizes = self.absolute().hidden(each(abs, x))
        near = [abs(one) < NEAR * (1 + size) for one, size in zip(hidden, sizes, strict=True)]
        if bend := next((place for place, one in enumerate(near, 1) if one), None):
            raise ValueError(f"hidden unit {bend} is 0 at {spoken(x)}: the score has a bend there, and no gradient")
        on = [(v, line) for v, line, one in zip(self.v, self.w, hidden, strict=True) if one > 0]
        return tuple(sum((v * line[place] for v, line in on), ZERO) for place in range(len(x)))

    def uphill(self, x: Row, label: int) -> Row:
        """The signs of the gradient of that class's loss: away from the class."""
        found, hidden = self.gradient(x), self.hidden(x)
        for place, one in enumerate(found):
            terms = (v * line[place] for v, line, unit in zip(self.v, self.w, hidden, strict=True) if unit > 0)
            if any(terms) and abs(one) < NEAR * self.steepest():
                raise ValueError(f"the score does not depend on x{place + 1} at {spoken(x)}: rounding would decide")
        return signs(tuple(-one for one in found) if label else found)

    def absolute(self) -> "Bent":
        """The same with no sign: its score is how large the sums could be."""
        return Bent(each(abs, self.w), each(abs, self.c), each(abs, self.v), abs(self.b))

    def steepest(self) -> Fraction:
        """How large a derivative could be."""
        return sum((abs(v) * max(map(abs, line)) for v, line in zip(self.v, self.w, strict=True)), ZERO)


@dataclass(frozen=True)
class Walk:
    """Every point from the start on; what is handed in; after how many steps it was believed to fool, 0 if never."""

    path: tuple[Row, ...]
    answer: Row
    fooled: int


def as_written(model: Bent, x: Row, size: Fraction, steps: int) -> Walk:
    """The gradient at x for every step; nothing is projected; tested before it is clipped to 0 and 1."""
    label = model.label(x)
    direction, path, fooled = model.uphill(x, label), [x], 0
    while len(path) <= steps and not fooled:
        path.append(moved(path[-1], direction, size))
        if model.label(path[-1]) != label:
            fooled = len(path) - 1
    return Walk(tuple(path), clipped(path[-1]), fooled)


def done_right(model: Bent, x: Row, size: Fraction, steps: int, eps: Fraction) -> Walk:
    """Each step by the gradient where it stands, then projected onto ball and box, then tested."""
    label, path, fooled = model.label(x), [x], 0
    while len(path) <= steps and not fooled:
        path.append(projected(moved(path[-1], model.uphill(path[-1], label), size), x, eps))
        if model.label(path[-1]) != label:
            fooled = len(path) - 1
    return Walk(tuple(path), path[-1], fooled)


def moved(point: Row, direction: Row, size: Fraction) -> Row:
    """So far in that direction."""
    return tuple(one + size * sign for one, sign in zip(point, direction, strict=True))


def clipped(point: Row) -> Row:
    """To what a pixel can be, 0 to 1."""
    return tuple(min(max(one, ZERO), Fraction(1)) for one in point)


def projected(point: Row, x: Row, eps: Fraction) -> Row:
    """The nearest point that is within eps of x, and in the box."""
    return clipped(tuple(min(max(one, at - eps), at + eps) for one, at in zip(point, x, strict=True)))


def distance(point: Row, x: Row) -> Fraction:
    """In linf."""
    return max(abs(one - at) for one, at in zip(point, x, strict=True))


def judged(model: Bent, point: Row, x: Row, eps: Fraction) -> str:
    """`robust` or `broken`, or `fault` where the point is not allowed: as assay's judge says it."""
    allowed = distance(point, x) <= eps * (1 + ROOM) + ROOM and point == clipped(point)
    if not allowed:
        return "fault"
    return "broken" if model.label(point) != model.label(x) else "robust"

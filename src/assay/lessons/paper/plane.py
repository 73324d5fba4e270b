"""A linear classifier of points in the plane, and its enemy, on paper."""

import math
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from itertools import product

from assay.lessons.paper.numbers import DIGITS, Given, Row, Value, decimal, dot, row, short, sigmoid
from assay.lessons.paper.sketch import Curve, Levels, Plane, Point

MOST_STEPS = 500  # of PGD; the raw gradient may need for ever
AWAY = 1e-9  # nearer than that a path has arrived
ROOM = Fraction(1, 1_000_000)  # assay's tolerance of a ball: eps·(1 + 1e-6) + 1e-6, as Threat.contains has it
FINE = 31


@dataclass(frozen=True)
class Classifier:
    """Pr(cat) = sigmoid(w·x), Pr(dog) = 1 - Pr(cat)."""

    w: Row

    def score(self, x: Value) -> Fraction | Decimal:
        """w·x."""
        if any(isinstance(one, Decimal) for one in x):
            terms = [DIGITS.multiply(decimal(a), decimal(b)) for a, b in zip(self.w, x, strict=True)]
            return DIGITS.add(terms[0], terms[1])
        return dot(self.w, x)

    def cat(self, x: Value) -> Decimal:
        """Pr(cat)."""
        return sigmoid(self.score(x))

    def dog(self, x: Value) -> Decimal:
        """Pr(dog)."""
        z = self.score(x)
        return sigmoid(z.copy_negate() if isinstance(z, Decimal) else -z)


@dataclass(frozen=True)
class Walk:
    """PGD's points from the start on; whether and after how many steps it stood at the optimum."""

    path: tuple[Value, ...]
    steps: int
    arrived: bool


def pair(given: Given, what: str) -> Row:
    """Two numbers: the lesson is drawn in the plane."""
    found = row(given, what)
    if len(found) != 2:
        raise ValueError(f"{what} must be two numbers, as the lesson is drawn in the plane, got {len(found)}")
    return found


def signs(point: Value) -> Row:
    """-1, 0 or 1 of each number."""
    return tuple(Fraction((one > 0) - (one < 0)) for one in point)


def corners(x: Row, eps: Fraction) -> tuple[Row, ...]:
    """Of the ball of linf."""
    return tuple((x[0] + a * eps, x[1] + b * eps) for a, b in product((-1, 1), repeat=2))


def optimum(norm: str, model: Classifier, x: Row, eps: Fraction) -> Value:
    """Where in the ball the dog is likeliest: against w, as the norm measures."""
    w = model.w
    if norm == "linf":
        return tuple(one - eps * sign for one, sign in zip(x, signs(w), strict=True))
    if norm == "l1":
        largest = 0 if abs(w[0]) >= abs(w[1]) else 1
        return tuple(one - eps * signs(w)[place] * (place == largest) for place, one in enumerate(x))
    length = DIGITS.sqrt(decimal(dot(w, w)))
    return tuple(
        DIGITS.subtract(decimal(one), DIGITS.divide(DIGITS.multiply(decimal(eps), decimal(part)), length))
        for one, part in zip(x, w, strict=True)
    )


def fgsm(model: Classifier, x: Row, size: Fraction) -> Row:
    """One step against the sign of w, which is uphill on the loss -log Pr(cat)."""
    return tuple(one - size * sign for one, sign in zip(x, signs(model.w), strict=True))


def inside(point: Value, x: Row, eps: Fraction) -> bool:
    """Whether it is in the ball of linf, with assay's tolerance."""
    moved = max(abs(Fraction(one) - start) for one, start in zip(point, x, strict=True))
    return moved <= eps * (1 + ROOM) + ROOM


def uphill(model: Classifier, x: Row) -> tuple[Value, Value]:
    """The gradients of -log Pr(cat), untargeted, and of log Pr(dog), targeted at the dog."""
    not_cat, not_dog = DIGITS.subtract(1, model.cat(x)), DIGITS.subtract(1, model.dog(x))
    away = tuple(DIGITS.multiply(not_cat.copy_negate(), decimal(one)) for one in model.w)
    return away, tuple(DIGITS.multiply(not_dog.copy_negate(), decimal(one)) for one in model.w)


def walk(kind: str, model: Classifier, x: Row, eps: Fraction, by: Fraction) -> Walk:
    """PGD until it stands at the optimum. `sign`: exact fractions; `raw`, along the gradient of Pr(cat): 40 digits."""
    goal, now = optimum("linf", model, x, eps), x
    path: list[Value] = [x]
    while len(path) <= MOST_STEPS:
        if kind == "sign":
            moved: Value = fgsm(model, now, by)
        else:
            steep = DIGITS.multiply(model.cat(now), model.dog(now))
            pull = [DIGITS.multiply(DIGITS.multiply(decimal(by), steep), decimal(one)) for one in model.w]
            moved = tuple(DIGITS.subtract(decimal(one), part) for one, part in zip(now, pull, strict=True))
        now = tuple(_clipped(one, start - eps, start + eps) for one, start in zip(moved, x, strict=True))
        path.append(now)
        if max(abs(Fraction(one) - end) for one, end in zip(now, goal, strict=True)) <= AWAY:
            return Walk(tuple(path), len(path) - 1, True)
    return Walk(tuple(path), len(path) - 1, False)


def _clipped(one: Value, low: Fraction, high: Fraction) -> Value:
    if isinstance(one, Decimal):
        return min(max(one, decimal(low)), decimal(high))
    return min(max(one, low), high)


def balls(model: Classifier, x: Row, eps: Fraction, best: dict[str, Value]) -> Plane:
    """The three balls, their best points, and lines of equal Pr(dog)."""
    outlines = {
        "linf": _points([corners(x, eps)[place] for place in (0, 1, 3, 2)]),
        "l2": tuple(
            (float(x[0] + eps * Fraction(math.cos(turn))), float(x[1] + eps * Fraction(math.sin(turn))))
            for turn in (place / 40 * math.pi for place in range(80))
        ),
        "l1": _points([(x[0] + a * eps, x[1] + b * eps) for a, b in ((1, 0), (0, 1), (-1, 0), (0, -1))]),
    }
    curves = [Curve(f"{norm} ball", outline, "area") for norm, outline in outlines.items()]
    curves += [Curve(f"best in {norm}", _points([point]), "marks") for norm, point in best.items()]
    return Plane(f"Pr(dog), and the balls of eps {short(eps)}", "x1", "x2", tuple(curves), _levels(model, x, eps), True)


def steps(model: Classifier, x: Row, eps: Fraction, sizes: Row, walks: dict[str, Walk]) -> Plane:
    """FGSM's points, each by its size, and the ways that PGD goes."""
    square = Curve("linf ball", _points([corners(x, eps)[place] for place in (0, 1, 3, 2)]), "area")
    points = [Curve(f"a = {short(size)}", _points([fgsm(model, x, size)]), "marks") for size in sizes[:4]]
    ways = [Curve(f"PGD, {kind}", _points(list(walk.path))) for kind, walk in walks.items()]
    return Plane("FGSM's points, and PGD's ways", "x1", "x2", (square, *points, *ways), None, True)


def paths(x: Row, eps: Fraction, walks: dict[str, Walk]) -> Plane:
    """How far PGD has come, by step: the larger of both coordinates' moves."""
    curves = [
        Curve(
            f"{kind}: {walk.steps} steps",
            tuple(
                (float(place), float(max(abs(Fraction(one) - start) for one, start in zip(point, x, strict=True))))
                for place, point in enumerate(walk.path)
            ),
        )
        for kind, walk in walks.items()
    ]
    return Plane(f"PGD: how far from x, of at most {short(eps)}", "step", "linf distance", tuple(curves))


def _levels(model: Classifier, x: Row, eps: Fraction) -> Levels:
    reach = [eps * Fraction(3, 2) * Fraction(2 * place - FINE + 1, FINE - 1) for place in range(FINE)]
    sides = [[float(one + far) for far in reach] for one in x]
    w = [float(one) for one in model.w]
    heights = tuple(tuple(_dog(w[0] * across + w[1] * up) for across in sides[0]) for up in sides[1])
    return Levels(tuple(sides[0]), tuple(sides[1]), heights)


def _dog(score: float) -> float:
    return 1 / (1 + math.exp(min(score, 700)))


def _points(points: list[Value]) -> tuple[Point, ...]:
    return tuple((float(a), float(b)) for a, b in points)

"""The gradient of y = w·x + b: how much y changes when x does."""

from fractions import Fraction
from typing import Annotated

from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import Given, Row, dot, number, products, row, short, signed, spoken, tensor
from assay.lessons.paper.page import Lesson, both
from assay.lessons.paper.sketch import Curve, Plane, Sketch

MOST_LINES = 5


def gradient(
    *,
    w: Annotated[Given, "the weights"] = "2,1",
    b: Annotated[Given, "the bias"] = "3",
    x: Annotated[Given, "where the gradient is taken"] = "4,2",
    seed: int = 0,
) -> Lesson:
    """dy/dx of y = w·x + b by hand and by autograd; both gradients, of x and of w, for rows of any length.

    Raises ValueError where w and x are not equally long.
    """
    weights, bias, at = row(w, "w"), number(b, "b"), row(x, "x")
    if len(weights) != len(at):
        raise ValueError(f"w and x must be equally long, got {len(weights)} and {len(at)} numbers")
    y = dot(weights, at) + bias
    slopes = tuple(_slope(weights, at, place) for place in range(len(at)))
    t_w, t_x = tensor(weights).requires_grad_(), tensor(at).requires_grad_()
    t_y = t_w @ t_x + float(bias)
    t_y.backward()
    assert t_x.grad is not None
    assert t_w.grad is not None
    size, terms = sum(abs(a * c) for a, c in zip(weights, at, strict=True)) + abs(bias), 2 * len(at) + 1
    partial = [
        f"  dy/dx{place} = {short(slope)}: what stands before x{place}; all other terms do not move with it"
        for place, slope in enumerate(slopes, 1)
    ]
    steps = [
        f"y = w·x + b = {products(weights, at)} + {signed(bias)} = {short(y)}",
        *partial,
        f"dy/dx = {spoken(slopes)}, the same at every x: y is a plane, and w is its slope",
        f"dy/dw = {spoken(at)}: the other way round, x stands before w",
    ]
    return Lesson(
        "gradient",
        f"The gradient of y = w·x + b, w = {spoken(weights)}, b = {short(bias)}, at x = {spoken(at)}",
        {"w": weights, "b": bias, "x": at},
        tuple(steps),
        {
            "y": both(y, t_y.detach(), terms, size),
            "dy/dx": both(slopes, t_x.grad, 1),
            "dy/dw": both(at, t_w.grad, 1),
        },
        _sketch(weights, bias, at),
        _exercises(Dice(seed, "gradient")),
    )


def _slope(w: Row, x: Row, place: int) -> Fraction:
    """The difference quotient, which of a plane is exact for a step of any size: here of 1."""
    moved = tuple(one + (n == place) for n, one in enumerate(x))
    return dot(w, moved) - dot(w, x)


def _sketch(w: Row, b: Fraction, x: Row) -> Sketch:
    """y along each axis through x: the slope of each line is a partial derivative."""
    curves, y = [], dot(w, x) + b
    for place, slope in enumerate(w[:MOST_LINES], 1):
        at = x[place - 1]
        ends = ((float(at + step), float(y + slope * step)) for step in (-2, 2))
        curves.append(Curve(f"along x{place}: slope {short(slope)}", tuple(ends)))
    curves.append(Curve("x", tuple((float(one), float(y)) for one in x[:MOST_LINES]), "marks"))
    words = f"Lines through x, one along each axis, with the slopes {spoken(w[:MOST_LINES])}."
    return Sketch(words, (Plane("y through x, along each axis", "x1, x2, …", "y", tuple(curves)),))


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    w, x, b = dice.row(3, -9, 9, "w"), dice.row(3, -9, 9, "x"), dice.whole(-9, 9, "b")
    given = f"y = w·x + b, w = {spoken(w)}, b = {short(b)}, x = {spoken(x)}"
    step = dice.whole(2, 9, "step") / 10
    return (
        Exercise(f"{given}: what is y?", dot(w, x) + b),
        Exercise(f"{given}: what is dy/dx?", w),
        Exercise(f"{given}: by how much does y grow if x2 grows by {short(step)}?", w[1] * step),
    )

"""Mean squared error, and a linear fit to XOR: its loss, its gradient, the way down, and the minimum."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.fit import Fit, lowest, own_error, squares
from assay.lessons.paper.numbers import (
    Given,
    Row,
    flat,
    number,
    positive,
    row,
    short,
    signed,
    spoken,
    table,
    tensor,
    whole,
)
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.sketch import Curve, Levels, Plane, Point, Sketch

FINE = 41  # heights along an axis of the surface


def loss(
    *,
    predictions: Annotated[Given, "what was predicted, for the mean squared error"] = "0.25,0.5,0.75,1",
    targets: Annotated[Given, "what was right"] = "0.375,0.375,0.625,1.125",
    x: Annotated[Given, "the inputs of the fit, a row for each example"] = "0,0;0,1;1,0;1,1",
    y: Annotated[Given, "its outputs"] = "0,1,1,0",
    w: Annotated[Given, "the weights to start from"] = "2,1",
    b: Annotated[Given, "the bias to start from"] = "3",
    rate: Annotated[Given, "what the gradient is multiplied by to make a step"] = "0.1",
    steps: Annotated[Given, "how many steps down"] = 20,
    seed: int = 0,
) -> Lesson:
    """The mean of squared differences three ways; then of y = w·x + b its gradient, descent and minimum.

    The loss is divided by the number of examples, not by twice it. Raises ValueError where lengths do not fit.
    """
    guessed, right = row(predictions, "predictions"), row(targets, "targets")
    fit, start = _fit(table(x, "x"), row(y, "y"), row(w, "w")), (*row(w, "w"), number(b, "b"))
    if len(guessed) != len(right):
        raise ValueError(f"predictions and targets must be equally many, got {len(guessed)} and {len(right)} numbers")
    by, count = positive(rate, "rate"), whole(steps, "steps", 1, 60)
    path, error = fit.descent(start, by, count), squares(guessed, right)
    best = lowest(fit)
    return Lesson(
        "loss",
        f"Mean squared error; and y = w·x + b fitted to {len(fit.y)} points, from w = {spoken(start[:-1])}, "
        f"b = {short(start[-1])}",
        {
            **{"predictions": guessed, "targets": right, "x": fit.x, "y": fit.y, "w": start[:-1], "b": start[-1]},
            **{"rate": by, "steps": Fraction(count)},
        },
        (*_error(guessed, right, error), *_worked(fit, start, best), *_walked(fit, path, by)),
        _errors(guessed, right, error) | _results(fit, path, by, best),
        _sketch(fit, path, by),
        _exercises(Dice(seed, "loss")),
    )


def _fit(x: tuple[Row, ...], y: Row, w: Row) -> Fit:
    if len(x) != len(y):
        raise ValueError(f"x and y must have as many examples, got {len(x)} and {len(y)}")
    if len(x[0]) != len(w):
        raise ValueError(f"w must be as long as a row of x, got {len(w)} and {len(x[0])} numbers")
    return Fit(x, y)


def _error(guessed: Row, right: Row, error: Fraction) -> Iterator[str]:
    terms = " + ".join(f"({short(a)} - {signed(b)})²" for a, b in zip(guessed, right, strict=True))
    yield "mean squared error = the mean of (prediction - target)²"
    yield f"  = ({terms}) / {len(right)}"
    yield f"  = {short(error * len(right))} / {len(right)} = {spoken(error)}"
    yield f"  by an own function in Python floats: {own_error(flat(guessed), flat(right))!r}"
    yield f"  by torch: {float(F.mse_loss(tensor(guessed), tensor(right)))!r}"


def _worked(fit: Fit, start: Row, best: Row | None) -> Iterator[str]:
    count, off = len(fit.y), fit.off(start)
    yield f"The fit y = w·x + b, w = {spoken(start[:-1])}, b = {short(start[-1])}:"
    for inputs, wanted, differs in zip(fit.x, fit.y, off, strict=True):
        predicted = wanted + differs
        yield f"  x = {spoken(inputs)}: predicts {short(predicted)}, wanted {short(wanted)}, off by {short(differs)}"
    yield f"loss = ({' + '.join(f'{signed(one)}²' for one in off)}) / {count} = {spoken(fit.loss(start))}"
    for place, (name, column) in enumerate(fit.columns()):
        terms = " + ".join(f"{signed(a)}·{signed(c)}" for a, c in zip(off, column, strict=True))
        yield f"  dloss/d{name} = 2/{count} · ({terms}) = {spoken(fit.gradient(start)[place])}"
    yield f"gradient = {spoken(fit.gradient(start))}, of the weights and then the bias: where the loss grows fastest"
    yield f"steepest descent = -{spoken(fit.gradient(start))} = {spoken(tuple(-one for one in fit.gradient(start)))}"
    if best is None:
        yield "minimum: not one point, some inputs tell nothing that others do not"
        return
    yield "minimum, where every derivative is 0:"
    yield f"  w = {spoken(best[:-1])}, b = {spoken(best[-1])}, loss {spoken(fit.loss(best))}"


def _walked(fit: Fit, path: tuple[Row, ...], rate: Fraction) -> Iterator[str]:
    yield f"Steps of {short(rate)} times the gradient, down:"
    for place in sorted({0, 1, 2, len(path) - 1}):
        if place < len(path):
            numbers = ", ".join(f"{float(one):.4f}" for one in path[place])
            yield f"  after {place}: [{numbers}], loss {float(fit.loss(path[place])):.6f}"
    up, down = fit.loss(fit.moved(path[0], rate)), fit.loss(path[1])
    yield "Right is minus the gradient; wrong, as where the sign is forgotten, is plus, which climbs:"
    yield f"  loss {spoken(fit.loss(path[0]))}; after one step down {spoken(down)}, after one step up {spoken(up)}"
    if down > fit.loss(path[0]):
        yield "  here the step down is so long that it lands higher: the rate is too large"


def _errors(guessed: Row, right: Row, error: Fraction) -> dict[str, Result]:
    size, terms = squares(tuple(map(abs, guessed)), tuple(-abs(one) for one in right)), len(right) + 4
    own = own_error(flat(guessed), flat(right))
    return {
        "mean squared error": both(error, F.mse_loss(tensor(guessed), tensor(right)), terms, size),
        "mean squared error, own function": both(error, own, terms, size),
    }


def _results(fit: Fit, path: tuple[Row, ...], rate: Fraction, best: Row | None) -> dict[str, Result]:
    x, y = torch.cat([tensor(fit.x), torch.ones(len(fit.y), 1, dtype=torch.float64)], 1), tensor(fit.y)

    def sloped(at: Tensor) -> tuple[Tensor, Tensor]:
        at = at.detach().requires_grad_()
        error = F.mse_loss(x @ at, y)
        return error.detach(), torch.autograd.grad(error, at)[0]

    walked = [tensor(path[0])]
    for _ in path[1:]:
        walked.append(walked[-1] - float(rate) * sloped(walked[-1])[1])
    up = walked[0] + float(rate) * sloped(walked[0])[1]
    terms, longest = len(fit.x[0]) + len(fit.y) + 4, max(map(fit.scale, path))
    found = {
        "loss": both(fit.loss(path[0]), sloped(walked[0])[0], terms, fit.scale(path[0])),
        "gradient": both(fit.gradient(path[0]), sloped(walked[0])[1], terms, fit.scale(path[0])),
        "path": both(path, torch.stack(walked), terms, longest),
        "loss after a step down": both(fit.loss(path[1]), sloped(walked[1])[0], terms, longest),
        "loss after a step up": _climbed(fit, path[0], rate, sloped(up)[0], terms),
    }
    if best is None:
        return found
    square = x.T @ x
    solved = torch.linalg.solve(square, x.T @ y)
    worst = Fraction(float(torch.linalg.cond(square))) * max(fit.scale(best), Fraction(1))
    return found | {
        "minimum": both(best, solved, terms, worst),
        "loss at the minimum": both(fit.loss(best), sloped(tensor(best))[0], terms, fit.scale(best)),
    }


def _climbed(fit: Fit, start: Row, rate: Fraction, found: Tensor, ulps: int) -> Result:
    up = fit.moved(start, rate)
    return both(fit.loss(up), found, ulps, fit.scale(up))


def _sketch(fit: Fit, path: tuple[Row, ...], rate: Fraction) -> Sketch:
    """The loss by step, and of two weights the surface on which the path lies."""
    down = tuple((float(place), float(fit.loss(each))) for place, each in enumerate(path))
    wrong = ((0.0, down[0][1]), (1.0, float(fit.loss(fit.moved(path[0], rate)))))
    curves = (Curve("down", down), Curve("wrong sign: up", wrong))
    panels = [Plane("The loss, step by step", "step", "loss", curves)]
    if len(fit.x[0]) == 2:
        panels.insert(0, _surface(fit, tuple((float(each[0]), float(each[1])) for each in path)))
    return Sketch("The way down the loss, and the one step that a forgotten sign makes up.", tuple(panels))


def _surface(fit: Fit, walked: tuple[Point, ...]) -> Plane:
    """Each height with the bias that is best for those two weights, as the path has a bias of its own at each step."""
    sides = []
    for one in zip(*walked, strict=True):
        room = max(1.0, 0.4 * (max(one) - min(one)))
        low, high = min(one) - room, max(one) + room
        sides.append(tuple(low + (high - low) * place / (FINE - 1) for place in range(FINE)))
    heights = tuple(tuple(fit.profile(across, up) for across in sides[0]) for up in sides[1])
    curves = (Curve("path", walked), Curve("start", walked[:1], "marks"), Curve("end", walked[-1:], "marks"))
    title = "The loss over both weights, the bias the best for each"
    return Plane(title, "w1", "w2", curves, Levels(sides[0], sides[1], heights))


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    guessed, right = dice.row(4, -5, 5, "predictions"), dice.row(4, -5, 5, "targets")
    fit = Fit(((Fraction(0), Fraction(0)), (Fraction(0), Fraction(1)), (Fraction(1), Fraction(0)), (Fraction(1),) * 2),
              dice.row(4, -3, 3, "y"))  # fmt: skip
    start = dice.row(3, -4, 4, "start")
    asked = f"y = w·x + b, w = {spoken(start[:-1])}, b = {short(start[-1])}, x = {spoken(fit.x)}, y = {spoken(fit.y)}"
    return (
        Exercise(
            f"predictions {spoken(guessed)}, targets {spoken(right)}: what is the mean squared error?",
            squares(guessed, right),
        ),
        Exercise(f"{asked}: what is the gradient of the loss, w1, w2, b?", fit.gradient(start)),
        Exercise("the same after one step of rate 1/10 down: what are w1, w2, b?", fit.moved(start, -Fraction(1, 10))),
    )

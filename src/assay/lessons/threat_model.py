"""A threat model in the plane: a linear classifier, three balls, the best an enemy can do, FGSM, PGD's two paths."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import torch

from assay.adversary.threat import THREATS
from assay.lessons.paper import plane
from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import Given, Row, Value, positive, products, row, short, spoken, tensor
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.plane import AWAY, Classifier, Walk
from assay.lessons.paper.sketch import Sketch

NORMS = ("linf", "l2", "l1")


def threat_model(
    *,
    w: Annotated[Given, "the weights of Pr(cat) = sigmoid(w·x), two numbers"] = "1,1",
    x: Annotated[Given, "the point to attack, two numbers"] = "2,1",
    eps: Annotated[Given, "how far each coordinate may move"] = "0.1",
    step_size: Annotated[Given, "how far a step of PGD goes"] = "0.01",
    fgsm: Annotated[Given, "the sizes of FGSM's one step"] = "0.01,0.1,0.25,0.5",
    seed: int = 0,
) -> Lesson:
    """Maximise Pr(dog) over the points within eps of x, by corners, by one step, and by many.

    FGSM: Goodfellow et al. 2015 (arXiv 1412.6572); PGD: Madry et al. 2018 (arXiv 1706.06083). Raises ValueError where
    w or x are no two numbers, or w is zero.
    """
    weights, at = plane.pair(w, "w"), plane.pair(x, "x")
    if not any(weights):
        raise ValueError("w must not be 0,0: then every point is half a cat")
    far, by, sizes = positive(eps, "eps"), positive(step_size, "step_size"), row(fgsm, "fgsm")
    model = Classifier(weights)
    best = {norm: plane.optimum(norm, model, at, far) for norm in NORMS}
    walks = {kind: plane.walk(kind, model, at, far, by) for kind in ("sign", "raw")}
    return Lesson(
        "threat_model",
        f"Pr(cat) = sigmoid(w·x), w = {spoken(weights)}, at x = {spoken(at)}, each coordinate within {short(far)}",
        {"w": weights, "x": at, "eps": far, "step_size": by, "fgsm": sizes},
        (
            *_classified(model, at),
            *_problem(model, at, far, best),
            *_stepped(model, at, far, sizes),
            *_walked(walks, by, best["linf"]),
            *_two_classes(model, at),
        ),
        _results(model, at, far, best) | _attacks(model, at, far, sizes, walks, by),
        _sketch(model, at, far, sizes, best, walks),
        _exercises(Dice(seed, "threat_model")),
    )


def _classified(model: Classifier, x: Row) -> Iterator[str]:
    z = model.score(x)
    yield f"w·x = {products(model.w, x)} = {short(z)}"
    yield f"Pr(cat) = 1 / (1 + e^(-{short(z)})) = {short(model.cat(x))}, Pr(dog) = 1 - Pr(cat) = {short(model.dog(x))}"


def _problem(model: Classifier, x: Row, eps: Fraction, best: dict[str, Value]) -> Iterator[str]:
    yield f"The problem: maximise Pr(dog | x') over x', subject to max |x' - x| ≤ {short(eps)}"
    yield f"  the ball of linf: {_between(x[0], eps, 'x1')} and {_between(x[1], eps, 'x2')}: a square"
    yield "  w·x' is a plane, and its least value in a square stands in a corner:"
    for corner in plane.corners(x, eps):
        mark = "  <- the optimum" if corner == best["linf"] else ""
        yield f"    corner {_point(corner)}: Pr(dog) {short(model.dog(corner))}{mark}"
    yield f"  in linf move each coordinate by eps against the sign of w: {_point(best['linf'])}"
    for norm, words in (("l2", "go eps straight against w"), ("l1", "spend all of eps where |w| is largest")):
        yield f"  in {norm} {words}: {_point(best[norm])}, Pr(dog) {short(model.dog(best[norm]))}"
    if 0 in model.w or abs(model.w[0]) == abs(model.w[1]):
        yield "  (not the only such point of every ball: where w has a zero, or equal sizes, some are as good)"


def _stepped(model: Classifier, x: Row, eps: Fraction, sizes: Row) -> Iterator[str]:
    gradient = plane.signs(model.w)
    yield "FGSM: one step of size a along the sign of the gradient of the loss -log Pr(cat)"
    yield f"  that gradient is -(1 - Pr(cat))·w, its sign {spoken(tuple(-one for one in gradient))}: x' = x - a·sign(w)"
    for size in sizes:
        point = plane.fgsm(model, x, size)
        inside = "inside" if plane.inside(point, x, eps) else "OUTSIDE the ball"
        yield f"  a = {short(size)}: {_point(point)}, Pr(dog) {short(model.dog(point))}, {inside}"
    right, wrong = plane.fgsm(model, x, eps), plane.fgsm(model, x, -eps)
    yield "Right is uphill on the loss; wrong, as in a source, is downhill on it, which makes the cat surer:"
    yield (
        f"  a = {short(eps)}: right {_point(right)}, Pr(dog) {short(model.dog(right))}; "
        f"wrong {_point(wrong)}, Pr(dog) {short(model.dog(wrong))}; without an attack {short(model.dog(x))}"
    )


def _walked(walks: dict[str, Walk], by: Fraction, goal: Row) -> Iterator[str]:
    named = {"sign": "the sign of the gradient", "raw": "the raw gradient of Pr(cat), -Pr(cat)·Pr(dog)·w"}
    yield f"PGD: steps of {short(by)}, after each the nearest point of the ball (clip each coordinate)"
    for kind, walk in walks.items():
        yield f"  along {named[kind]}:"
        for place in sorted({0, 1, 2, len(walk.path) - 1}):
            if place < len(walk.path):
                yield f"    after {place}: {_point(walk.path[place], 6)}"
        ended = f"at the optimum {_point(goal)} after {walk.steps} steps" if walk.arrived else "not yet at the optimum"
        yield f"    {ended}; every point of the path lies inside the ball"
    sign, raw = walks["sign"], walks["raw"]
    if sign.arrived and raw.arrived:
        yield f"What the sign buys: {sign.steps} steps and not {raw.steps}, as it does not shrink where the cat is sure"
    else:
        yield f"What the sign buys: {sign.steps} steps, and the raw gradient is on its way after {raw.steps}"


def _two_classes(model: Classifier, x: Row) -> Iterator[str]:
    away, toward = plane.uphill(model, x)
    yield "With two classes, toward the dog (targeted) is away from the cat (untargeted):"
    yield f"  gradient of -log Pr(cat) = {spoken(away, 6)}, of log Pr(dog) = {spoken(toward, 6)}"
    yield "  both point against w, and their signs are equal: the same FGSM and the same PGD"


def _results(model: Classifier, x: Row, eps: Fraction, best: dict[str, Value]) -> dict[str, Result]:
    """What is asked of the classifier, and the best points, which torch finds by climbing far and projecting."""
    w, start = tensor(model.w), tensor(x)[None]
    size = 1 + sum(abs(a * b) for a, b in zip(model.w, x, strict=True)) + sum(map(abs, model.w)) * eps
    found = {
        "Pr(cat)": both(model.cat(x), torch.sigmoid(start[0] @ w), 4, size),
        "Pr(dog)": both(model.dog(x), torch.sigmoid(-(start[0] @ w)), 4, size),
    }
    corners = plane.corners(x, eps)
    moves = torch.cartesian_prod(*(torch.tensor([-1.0, 1.0], dtype=torch.float64),) * 2) * float(eps)
    found["corners"] = both(corners, start + moves, 2)
    dogs = tuple(model.dog(corner) for corner in corners)
    found["Pr(dog) in the corners"] = both(dogs, torch.sigmoid(-((start + moves) @ w)), 4, size)
    for norm in NORMS:
        threat = THREATS[norm](float(eps), box=None)
        climbed = threat.project(threat.climb(start, -w[None], float(eps)), start)[0]
        found[f"optimum in {norm}"] = both(best[norm], climbed, 4, (*x, eps))
        dog = torch.sigmoid(-(climbed @ w))
        found[f"Pr(dog) at the optimum in {norm}"] = both(model.dog(best[norm]), dog, 4, size)
    away, toward = plane.uphill(model, x)
    for name, paper, sign in (("untargeted", away, 1), ("targeted", toward, -1)):
        at = start[0].clone().requires_grad_()
        score = sign * -torch.nn.functional.logsigmoid(sign * (at @ w))
        found[f"gradient, {name}"] = both(paper, torch.autograd.grad(score, at)[0], 6, (*model.w, size))
    return found


def _attacks(
    model: Classifier, x: Row, eps: Fraction, sizes: Row, walks: dict[str, Walk], by: Fraction
) -> dict[str, Result]:
    """FGSM's points and PGD's paths, by autograd, and by the threat that assay attacks with."""
    threat, start, w = THREATS["linf"](float(eps), box=None), tensor(x)[None], tensor(model.w)
    points = tuple(plane.fgsm(model, x, size) for size in sizes)
    stepped = torch.cat([threat.climb(start, _slope(start, w), float(size)) for size in sizes])
    inside = tuple(Fraction(plane.inside(point, x, eps)) for point in points)
    found = {
        "FGSM": both(points, stepped, 2, (*x, *sizes)),
        "FGSM inside": both(inside, threat.contains(stepped, start.expand_as(stepped)).double(), 0),
    }
    for kind, walk in walks.items():
        now, goal, path, arrived = start, tensor(plane.optimum("linf", model, x, eps))[None], [start], 0
        for place in range(1, len(walk.path)):
            slope = _slope(now, w)
            moved = threat.climb(now, slope, float(by)) if kind == "sign" else now - float(by) * _rise(now, w)
            now = threat.project(moved, start)
            path.append(now)
            arrived = arrived or place * bool((now - goal).abs().max() <= AWAY)
        assert threat.contains(torch.cat(path), start.expand(len(path), 2)).all()
        assert all(plane.inside(point, x, eps) for point in walk.path)
        found[f"path, {kind}"] = both(walk.path, torch.cat(path), 4 + len(path) // 2, (*x, eps, by))
        found[f"steps, {kind}"] = both(Fraction(walk.steps if walk.arrived else 0), float(arrived), 0)
    return found


def _slope(points: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Of the loss -log Pr(cat)."""
    at = points.detach().requires_grad_()
    return torch.autograd.grad(-torch.nn.functional.logsigmoid(at @ w).sum(), at)[0]


def _rise(points: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Of Pr(cat)."""
    at = points.detach().requires_grad_()
    return torch.autograd.grad(torch.sigmoid(at @ w).sum(), at)[0]


def _between(middle: Fraction, eps: Fraction, name: str) -> str:
    return f"{short(middle - eps)} ≤ {name} ≤ {short(middle + eps)}"


def _point(point: Value, places: int = 4) -> str:
    return f"({', '.join(_trimmed(one, places) for one in point)})"


def _trimmed(value: Fraction | Decimal, places: int) -> str:
    return short(value, places) if isinstance(value, Decimal) else short(value)


def _sketch(
    model: Classifier, x: Row, eps: Fraction, sizes: Row, best: dict[str, Value], walks: dict[str, Walk]
) -> Sketch:
    panels = (plane.balls(model, x, eps, best), plane.steps(model, x, eps, sizes, walks), plane.paths(x, eps, walks))
    words = "The balls of the three norms with the best point of each, FGSM's steps, and PGD's two paths."
    return Sketch(words, panels)


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    w = tuple((-1) ** int(dice.whole(0, 1, name)) * dice.whole(1, 3, "w", name) / 4 for name in ("first", "second"))
    x, eps = dice.row(2, -2, 3, "x"), dice.whole(1, 5, "eps") / 10
    model = Classifier(w)
    asked = f"Pr(cat) = sigmoid(w·x), w = {spoken(w)}, x = {spoken(x)}"
    best = plane.optimum("linf", model, x, eps)
    return (
        Exercise(f"{asked}: what is Pr(cat), to four decimals?", model.cat(x), 4),
        Exercise(f"{asked}: where within linf {short(eps)} is Pr(dog) largest?", best),
        Exercise(f"{asked}: what is Pr(dog) there, to four decimals?", model.dog(best), 4),
    )

"""Iterated FGSM as a source writes it, and done right: what it claims, the budget it used, what the judge says."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

import torch
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.threat import linf
from assay.adversary.victim import Victim
from assay.evaluate.judge import judge
from assay.lessons.paper import bends
from assay.lessons.paper.bends import Bent, Walk
from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import (
    Given,
    Row,
    number,
    positive,
    products,
    row,
    short,
    signed,
    spoken,
    table,
    tensor,
    whole,
)
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.plane import signs
from assay.lessons.paper.sketch import Curve, Levels, Plane, Sketch

VERDICTS = ("robust", "broken", "fault")
MOST_POINTS, FINE = 12, 41
Rights = dict[Fraction, Walk]  # by eps


def iterated_attack(
    *,
    x: Annotated[Given, "the image, numbers from 0 to 1"] = "0.98,0.5",
    w: Annotated[Given, "the weights of the hidden units, a row for each"] = "1,0;0,1;0,1",
    c: Annotated[Given, "their biases"] = "0,0,-0.5125",
    v: Annotated[Given, "what each hidden unit counts for in the score"] = "-2,-1,2",
    b: Annotated[Given, "the bias of the score"] = "2.508",
    step_size: Annotated[Given, "how far a step goes; the source calls it eps"] = "0.005",
    steps: Annotated[Given, "how many of them, at most"] = 10,
    seed: int = 0,
) -> Lesson:
    """The gradient at the clean image every time, no projection, a test before the clipping; and each done right.

    The network is score(x) = v·relu(w·x + c) + b, class 1 above 0. Right is the basic iterative method (Kurakin et al.
    2017, arXiv 1607.02533). Raises ValueError where sizes do not fit, or a point lies on a bend of the score.
    """
    at, model = row(x, "x"), _model(table(w, "w"), row(c, "c"), row(v, "v"), number(b, "b"))
    if len(at) != len(model.w[0]):
        raise ValueError(f"x must be as long as a row of w, got {len(at)} and {len(model.w[0])} numbers")
    if at != bends.clipped(at):
        raise ValueError(f"x must be pixels from 0 to 1, got {spoken(at)}")
    by, count = positive(step_size, "step_size"), whole(steps, "steps", 1, 50)
    wrong = bends.as_written(model, at, by, count)
    budgets = sorted({by, max(by, bends.distance(wrong.path[-1], at)), by * count})
    rights = {eps: bends.done_right(model, at, by, count, eps) for eps in budgets}
    return Lesson(
        "iterated_attack",
        f"Iterated FGSM, {count} steps of {short(by)}, as a source writes it and done right, at x = {spoken(at)}",
        {
            **{"x": at, "w": model.w, "c": model.c, "v": model.v, "b": model.b},
            **{"step_size": by, "steps": Fraction(count)},
        },
        (*_network(model, at), *_written(model, wrong, by, count, budgets), *_right(model, rights, wrong, by)),
        _results(model, at, by, count, wrong, rights),
        _sketch(model, at, wrong, rights),
        _exercises(Dice(seed, "iterated_attack")),
    )


def _model(w: tuple[Row, ...], c: Row, v: Row, b: Fraction) -> Bent:
    for name, numbers in (("c", c), ("v", v)):
        if len(numbers) != len(w):
            raise ValueError(f"{name} must have a number for each row of w, got {len(numbers)} and {len(w)} rows")
    return Bent(w, c, v, b)


def _network(model: Bent, x: Row) -> Iterator[str]:
    hidden, label = model.hidden(x), model.label(x)
    on = [f"unit {place}" for place, one in enumerate(hidden, 1) if one > 0]
    yield "score(x) = v·relu(w·x + c) + b: class 1 where it is above 0, else class 0"
    for place, (line, bias, one) in enumerate(zip(model.w, model.c, hidden, strict=True), 1):
        total = f"{products(line, x)} + {signed(bias)} = {short(one)}"
        yield f"  unit {place}: {total}, after the ReLU {short(max(one, bends.ZERO))}"
    yield f"  score = {short(model.score(x))}: class {label}"
    yield f"  its gradient: the sum of v·w over {', '.join(on) or 'no unit'} = {spoken(model.gradient(x))}"
    along = model.uphill(x, label)
    yield f"  class {label}'s loss grows along the signs {spoken(along)} here, maybe not elsewhere" + (
        "" if any(along) else ": nothing moves"
    )


def _written(model: Bent, walk: Walk, by: Fraction, steps: int, budgets: list[Fraction]) -> Iterator[str]:
    x, label = walk.path[0], model.label(walk.path[0])
    yield f"Wrong, as a source has it: {steps} steps of its eps {short(by)}, all along the gradient at x,"
    yield "none projected, and the test comes before the clipping to 0 and 1:"
    yield from _points(model, walk)
    far, claim = bends.distance(walk.path[-1], x), "fooled" if walk.fooled else "not fooled"
    yield f"  it says: {claim} at eps {short(by)}; but its {len(walk.path) - 1} steps went {short(far)},"
    yield f"  and {steps} may go {short(steps * by)}: eps is a step here, and no budget"
    after = model.label(walk.answer)
    yield f"  then it clips: {_point(walk.answer)}, score {short(model.score(walk.answer))}: class {after}" + (
        ", so nothing is fooled" if walk.fooled and after == label else ""
    )
    for eps in budgets:
        yield f"  the judge of what it hands in, at linf {short(eps)}: {bends.judged(model, walk.answer, x, eps)}"


def _right(model: Bent, rights: Rights, wrong: Walk, by: Fraction) -> Iterator[str]:
    x = wrong.path[0]
    yield "Right: each step along the gradient where it stands, projected to within eps and to 0 and 1, then tested:"
    for eps, walk in rights.items():
        yield f"  at linf {short(eps)}:"
        yield from (f"  {line}" for line in _points(model, walk))
        verdict, far = bends.judged(model, walk.answer, x, eps), bends.distance(walk.answer, x)
        yield f"    the judge: {verdict}; it went {short(far)} of {short(eps)}"
    used = max(by, bends.distance(wrong.path[-1], x))
    claim, named, then = ("fooled" if walk.fooled else "not fooled" for walk in (wrong, rights[by], rights[used]))
    same = claim == named == then and bool(wrong.fooled) == (model.label(wrong.answer) != model.label(x))
    head = "Here they agree" if same else "What it costs"
    yield f"{head}: wrong says {claim} at eps {short(by)}; right is {named} at linf {short(by)}"
    if used > by:
        yield f"  and {then} at linf {short(used)}, which the wrong one used"


def _points(model: Bent, walk: Walk) -> Iterator[str]:
    last = len(walk.path) - 1
    for place, (point, before) in enumerate(zip(walk.path, (None, *walk.path[:-1]), strict=True)):
        if point == before:
            if place == last:
                yield f"  and so to the end, after {place}"
        elif place < MOST_POINTS or place == last:
            mark = "  <- fooled" if place == walk.fooled and place else ""
            yield f"  after {place}: {_point(point)}, score {short(model.score(point))}{mark}"
        elif place == MOST_POINTS:
            yield "  …"


def _point(point: Row) -> str:
    return f"({', '.join(map(short, point))})"


def _net(model: Bent) -> nn.Sequential:
    """Logits 0 and the score."""
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(len(model.w[0]), len(model.w)), nn.ReLU(), nn.Linear(len(model.w), 2)
    ).double()
    zeros = [0.0] * len(model.v)
    net.load_state_dict(
        {
            **{"1.weight": tensor(model.w), "1.bias": tensor(model.c)},
            "3.weight": torch.stack([torch.tensor(zeros, dtype=torch.float64), tensor(model.v)]),
            "3.bias": torch.tensor([0.0, float(model.b)], dtype=torch.float64),
        }
    )
    return net.requires_grad_(requires_grad=False)


def _slope(net: nn.Module, points: Tensor, label: int) -> Tensor:
    """Of the other logit less the label's, whose signs are those of the cross-entropy's, and never round to 0."""
    at = points.detach().requires_grad_()
    logits = net(at)[0]
    return torch.autograd.grad(logits[1 - label] - logits[label], at)[0]


def _results(model: Bent, x: Row, by: Fraction, steps: int, wrong: Walk, rights: Rights) -> dict[str, Result]:
    """Beside it autograd, and assay's own threat and judge."""
    net, start, label = _net(model), tensor(x)[None, None, None], model.label(x)
    far = tuple(max(abs(point[place]) for point in wrong.path) + by * steps for place in range(len(x)))
    most = model.absolute().score(far)
    terms, room = len(x) + len(model.v) + 2, (*map(abs, x), 1 + by * steps)
    at = start.detach().requires_grad_()
    (sloped,) = torch.autograd.grad(net(at)[0, 1], at)
    path, fooled = _wrong_by_torch(net, start, label, by, steps)
    clipped = path[-1:].clamp(0, 1)
    found = {
        "score": both(model.score(x), float(net(start)[0, 1]), terms, most),
        "gradient of the score": both(model.gradient(x), sloped.flatten(), terms, model.steepest()),
        "path, wrong": both(wrong.path, path.flatten(1), len(path) + 1, room),
        "scores, wrong": both(tuple(map(model.score, wrong.path)), net(path)[:, 1].detach(), terms + len(path), most),
        "fooled after, wrong": both(Fraction(wrong.fooled), float(fooled), 0),
        "answer, wrong": both(wrong.answer, clipped.flatten(), len(path) + 1, room),
        "score of the answer, wrong": both(
            model.score(wrong.answer), float(net(clipped)[0, 1]), terms + len(path), most
        ),
    }
    for eps, walk in rights.items():
        path, fooled = _right_by_torch(net, start, label, by, steps, eps)
        name = f"right, linf {short(eps)}"
        found[f"path, {name}"] = both(walk.path, path.flatten(1), len(path) + 1, room)
        found[f"fooled after, {name}"] = both(Fraction(walk.fooled), float(fooled), 0)
        for whose, answer, ours in (("wrong", clipped, wrong.answer), ("right", path[-1:], walk.answer)):
            paper = Fraction(VERDICTS.index(bends.judged(model, ours, x, eps)))
            verdict = _verdict(net, start, label, answer, eps)
            found[f"verdict at linf {short(eps)}, {whose}"] = both(paper, float(verdict), 0)
    return found


def _wrong_by_torch(net: nn.Module, start: Tensor, label: int, by: Fraction, steps: int) -> tuple[Tensor, int]:
    direction, path = _slope(net, start, label).sign(), [start]
    for place in range(1, steps + 1):
        path.append(path[-1] + float(by) * direction)
        if int(net(path[-1]).argmax()) != label:
            return torch.cat(path), place
    return torch.cat(path), 0


def _right_by_torch(
    net: nn.Module, start: Tensor, label: int, by: Fraction, steps: int, eps: Fraction
) -> tuple[Tensor, int]:
    threat, path = linf(float(eps)), [start]
    for place in range(1, steps + 1):
        climbed = threat.climb(path[-1], _slope(net, path[-1], label), float(by))
        path.append(threat.project(climbed, start))
        if int(net(path[-1]).argmax()) != label:
            return torch.cat(path), place
    return torch.cat(path), 0


def _verdict(net: nn.Module, start: Tensor, label: int, answer: Tensor, eps: Fraction) -> int:
    """By assay's own judge."""
    with Victim(net) as victim:
        found = judge(victim, start, untargeted(torch.tensor([label])), linf(float(eps)), answer)
    return VERDICTS.index(found.verdict[0])


def _sketch(model: Bent, x: Row, wrong: Walk, rights: Rights) -> Sketch:
    eps, right = list(rights.items())[-1]
    by_step = [
        Curve("wrong", _scores(model, wrong.path)),
        Curve("clipped", _scores(model, tuple(map(bends.clipped, wrong.path)))),
        Curve("right", _scores(model, right.path)),
        Curve("0", ((0.0, 0.0), (float(max(len(wrong.path), len(right.path)) - 1), 0.0))),
    ]
    panels = [Plane(f"The score; right at linf {short(eps)}", "step", "score", tuple(by_step))]
    words = "The score of both ways, step by step, and of the wrong one as it is clipped."
    if len(x) == 2:
        panels.insert(0, _map(model, x, wrong, right, eps))
        words = "The score's levels, both ways and the edge of what is an image; and the score, step by step."
    return Sketch(words, tuple(panels))


def _scores(model: Bent, path: tuple[Row, ...]) -> tuple[tuple[float, float], ...]:
    return tuple((float(place), float(model.score(point))) for place, point in enumerate(path))


def _map(model: Bent, x: Row, wrong: Walk, right: Walk, eps: Fraction) -> Plane:
    reach = max(bends.distance(point, x) for point in (*wrong.path, *right.path)) * Fraction(13, 10) or eps
    sides = [[one + reach * Fraction(2 * place - FINE + 1, FINE - 1) for place in range(FINE)] for one in x]
    heights = tuple(tuple(float(model.score((across, up))) for across in sides[0]) for up in sides[1])
    levels = Levels(tuple(map(float, sides[0])), tuple(map(float, sides[1])), heights)
    shown = [(max(0.0, float(one - reach)), min(1.0, float(one + reach))) for one in x]
    box = tuple((shown[0][a], shown[1][c]) for a, c in ((0, 0), (1, 0), (1, 1), (0, 1)))
    ends = [tuple((float(a), float(c)) for a, c in points) for points in (wrong.path, (wrong.answer,), right.path)]
    curves = (
        Curve("0 to 1", box, "area"),
        Curve("wrong", ends[0]),
        Curve("handed in", ends[1], "marks"),
        Curve("right", ends[2]),
        Curve("right's end", ends[2][-1:], "marks"),
    )
    return Plane(f"Both ways, linf {short(eps)}", "x1", "x2", curves, levels, True)


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    w, x = dice.table(2, 2, 1, 4, "w"), tuple(one / 10 for one in dice.row(2, 2, 8, "x"))
    c = tuple(one + Fraction(1, 20) for one in dice.row(2, -4, 1, "c"))
    v = (-dice.whole(1, 4, "v1"), dice.whole(1, 4, "v2"))
    model, by, steps = Bent(w, c, v, Fraction(9)), dice.whole(1, 9, "step") / 1000, int(dice.whole(4, 20, "steps"))
    slope = model.gradient(x)
    given = f"score(x) = v·relu(w·x + c) + 9, w = {spoken(w)}, c = {spoken(c)}, v = {spoken(v)}, x = {spoken(x)}"
    end = bends.moved(x, tuple(-one for one in signs(slope)), by * steps)
    return (
        Exercise(f"{given}: what is the gradient of the score?", slope),
        Exercise(f"{steps} steps of {short(by)}, each against the sign of that gradient at x, never projected: "
                 "where do they end?", end),
        Exercise("and how far can such steps lead from any image, in linf?", by * steps),
    )  # fmt: skip

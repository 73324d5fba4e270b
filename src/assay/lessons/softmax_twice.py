"""Softmax before cross-entropy: a loss that cannot fall, a gradient that vanishes, and what training loses by it."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.lessons.paper import softmax as on_paper
from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import (
    Given,
    Row,
    Value,
    decimal,
    each,
    flat,
    positive,
    row,
    short,
    spoken,
    table,
    tensor,
    whole,
)
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.sketch import Curve, Plane, Sketch
from assay.lessons.paper.softmax import Point, Task, cross_entropy, doubled, doubled_slope, length, slope, softmax

SCALES = (1, 2, 4, 8, 16)
LARGEST, MOST_POINTS, MOST_CLASSES, MOST_STEPS = 100, 12, 10, 200
SHAKY = 100  # a path that enlarges an error so much is decided by rounding
Paths = tuple[tuple[Point, ...], tuple[Point, ...]]  # right, and with two softmaxes


def softmax_twice(
    *,
    logits: Annotated[Given, "what a network returns for one image"] = "4,1,0.5",
    label: Annotated[Given, "its right class, counted from 0"] = 1,
    x: Annotated[Given, "points to learn, a row each"] = "2,0;-1,2;-1,-2",
    y: Annotated[Given, "their classes, counted from 0"] = "0,1,2",
    w: Annotated[Given, "weights to start from, a row for each class; 0: all of them"] = "0,0;0,-2;0,2",
    rate: Annotated[Given, "what the gradient is multiplied by to make a step"] = "0.5",
    steps: Annotated[Given, "how many steps of gradient descent"] = 50,
    seed: int = 0,
) -> Lesson:
    """The cross-entropy of logits, and that of probabilities taken for logits: values, gradients, bounds, training.

    Trained is logits = w·x, all points at once. Raises ValueError where sizes do not fit, or the rate is so large that
    rounding would decide where the descent goes.
    """
    z, task = _small(row(logits, "logits"), "logits"), _task(table(x, "x"), row(y, "y"))
    if not 2 <= len(z) <= MOST_CLASSES:
        raise ValueError(f"logits must be of 2 to {MOST_CLASSES} classes, got {len(z)}")
    own = whole(label, "label", 0, len(z) - 1)
    start, by, count = _start(w, task), positive(rate, "rate"), whole(steps, "steps", 1, MOST_STEPS)
    if by > task.steadiest():
        raise ValueError(f"rate must be at most {short(task.steadiest())} for these points, got {short(by)}: "
                         "beyond it a step may lead too far")  # fmt: skip
    paths = (task.descent(start, by, count, False), task.descent(start, by, count, True))
    shaken = task.growth(paths[1], by, True)
    if shaken > SHAKY:
        raise ValueError("rounding would decide where the doubled descent goes: take a smaller rate, or fewer steps")
    return Lesson(
        "softmax_twice",
        f"Softmax before cross-entropy: logits {spoken(z)}, class {own}; and {len(task.x)} points, {count} steps of "
        f"rate {short(by)}",
        {
            **{"logits": z, "label": Fraction(own), "x": task.x, "y": tuple(map(Fraction, task.y))},
            **{"w": each(Fraction, start), "rate": by, "steps": Fraction(count)},
        },
        (*_one(z, own), *_bounds(len(z)), *_scaled(z, own), *_trained(task, paths)),
        _of_one(z, own) | _of_training(task, paths, by, shaken),
        _sketch(z, own, task, paths),
        _exercises(Dice(seed, "softmax_twice")),
    )


def _small(numbers: Row, what: str) -> Row:
    if worst := next((one for one in numbers if abs(one) > LARGEST), None):
        raise ValueError(f"{what} must be numbers from -{LARGEST} to {LARGEST}, got {short(worst)}")
    return numbers


def _task(x: tuple[Row, ...], y: Row) -> Task:
    if not 1 <= len(x) <= MOST_POINTS:
        raise ValueError(f"x must be 1 to {MOST_POINTS} points, got {len(x)}")
    if len(x) != len(y):
        raise ValueError(f"x and y must have as many points, got {len(x)} and {len(y)}")
    for point in x:
        _small(point, "x")
    return Task(x, tuple(whole(short(one), "y", 0, MOST_CLASSES - 1) for one in y))


def _start(w: Given, task: Task) -> Point:
    """Of as many classes as w has rows; of one number, as many as y needs."""
    given, wide = table(w, "w"), len(task.x[0])
    needed = max(2, max(task.y) + 1)
    if len(given) == len(given[0]) == 1:
        given = ((given[0][0],) * wide,) * needed
    if len(given[0]) != wide or not needed <= len(given) <= MOST_CLASSES:
        sizes = f"{len(given)}×{len(given[0])}"
        raise ValueError(f"w must have {needed} to {MOST_CLASSES} rows of {wide}, or be one number, got {sizes}")
    return each(decimal, tuple(_small(line, "w") for line in given))


def _one(z: Row, label: int) -> Iterator[str]:
    p, right = softmax(z), slope(z, label)
    yield f"p = e^z / (sum of e^z) = {spoken(p)}"
    yield "Right: cross-entropy takes logits, and has its softmax inside:"
    yield f"  loss = log(sum of e^z) - z{label} = -log p{label} = {short(cross_entropy(z, label))}"
    yield f"  gradient = p - y = {_tiny(right)}"
    yield "Wrong, as in a source: the network ends in a softmax, so that cross-entropy takes p for logits:"
    yield f"  q = e^p / (sum of e^p) = {spoken(softmax(p))}"
    yield f"  loss = log(sum of e^p) - p{label} = -log q{label} = {short(doubled(z, label))}"
    wrong = doubled_slope(z, label)
    yield f"  gradient, by the chain rule: p·((q - y) - sum of p·(q - y)) = {_tiny(wrong)}"
    lengths = float(length(wrong)), float(length(right))
    yield f"  it is {lengths[0]:.4g} long, the right one {lengths[1]:.4g}"


def _tiny(numbers: Value) -> str:
    return f"[{', '.join(f'{float(one):.4g}' for one in numbers)}]"


def _bounds(classes: int) -> Iterator[str]:
    low, high = on_paper.least(classes), on_paper.most(classes)
    yield f"p lies between 0 and 1, so the doubled loss of {classes} classes is bounded:"
    yield "  log(sum of e^p) - p of the label is convex in p and falls as that p grows: its ends are in the corners"
    yield f"  the least, p of the label 1: log(e + {classes - 1}) - 1 = log(1 + {classes - 1}/e) = {short(low)}"
    yield f"  the most, p of another class 1: log(e + {classes - 1}) = {short(high)}"
    yield "  neither is reached, and they are 1 apart, of however many classes; the right loss goes from 0 to infinity"


def _scaled(z: Row, label: int) -> Iterator[str]:
    yield f"The surer, the flatter: the same logits times t, and the derivatives of both losses in z{label}:"
    for scale in SCALES:
        by = tuple(one * scale for one in z)
        losses = f"loss {short(cross_entropy(by, label))}, doubled {short(doubled(by, label))}"
        slopes = (float(steep(by, label)[label]) for steep in (slope, doubled_slope))
        yield f"  t = {scale}: {losses}; derivative {', doubled '.join(f'{one:.4g}' for one in slopes)}"
    if z[label] < max(z):
        yield "  where the network is sure and wrong, the right loss pulls in full strength, the doubled one not at all"
    else:
        yield "  nothing is likelier than this class; give another label, and see what pulls it back"


def _trained(task: Task, paths: Paths) -> Iterator[str]:
    count = len(paths[0]) - 1
    yield f"Training logits = w·x on {len(task.x)} points, by gradient descent, both from the same weights:"
    for place in sorted({0, 1, 2, 5, 10, 20, count} & set(range(count + 1))):
        right, wrong = (path[place] for path in paths)
        yield (
            f"  after {place}: right: loss {short(task.loss(right))}, Pr(label) {short(task.sure(right))}; "
            f"doubled: loss {short(task.doubled(wrong))}, Pr(label) {short(task.sure(wrong))}"
        )
    ends = [path[-1] for path in paths]
    yield (
        f"What it costs: after {count} steps the cross-entropy is {short(task.loss(ends[1]))} and not "
        f"{short(task.loss(ends[0]))}; the doubled loss shows {short(task.doubled(ends[1]))}, "
        f"and cannot fall below {short(on_paper.least(len(ends[1])))}"
    )


def _twice(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.softmax(-1), labels)


def _of_one(z: Row, label: int) -> dict[str, Result]:
    def sloped(function: Callable[[Tensor, Tensor], Tensor], scale: int) -> tuple[float, Tensor]:
        at = (tensor(z) * scale)[None].requires_grad_()
        loss = function(at, torch.tensor([label]))
        return float(loss.detach()), torch.autograd.grad(loss, at)[0][0]

    size, p = 1 + max(map(abs, z)), softmax(z)
    found = {
        "p": both(p, tensor(z).softmax(0), 8, size),
        "q": both(softmax(p), tensor(z).softmax(0).softmax(0), 8, size),
    }
    ways = (("", F.cross_entropy, cross_entropy, slope), (", doubled", _twice, doubled, doubled_slope))
    for name, function, loss, steep in ways:
        scaled = [sloped(function, scale) for scale in SCALES]
        by = [tuple(one * scale for one in z) for scale in SCALES]
        found[f"loss{name}"] = both(loss(z, label), scaled[0][0], 8, size)
        found[f"gradient{name}"] = both(steep(z, label), scaled[0][1], 8, size)
        losses, slopes = tuple(loss(one, label) for one in by), tuple(steep(one, label)[label] for one in by)
        found[f"losses of t·z{name}"] = both(losses, [one for one, _ in scaled], 8, 16 * size)
        found[f"derivatives of t·z{name}"] = both(slopes, [float(one[label]) for _, one in scaled], 8, 16 * size)
    sure = torch.eye(len(z), dtype=torch.float64)
    for name, bound, place in (("least", on_paper.least, label), ("most", on_paper.most, (label + 1) % len(z))):
        found[f"doubled loss, {name}"] = both(bound(len(z)), F.cross_entropy(sure[place], torch.tensor(label)), 8, size)
    return found


def _of_training(task: Task, paths: Paths, rate: Fraction, shaken: float) -> dict[str, Result]:
    x, y, found = tensor(task.x), torch.tensor(task.y), {}
    reach = 1 + max(sum(map(abs, point)) for point in task.x)
    for name, path, function, grown in (("", paths[0], F.cross_entropy, 1.0), (", doubled", paths[1], _twice, shaken)):
        walked = [torch.tensor([list(map(float, line)) for line in path[0]], dtype=torch.float64)]
        for _ in path[1:]:
            at = walked[-1].requires_grad_()
            walked.append((at - float(rate) * torch.autograd.grad(function(x @ at.T, y), at)[0]).detach())
        largest = 1 + max(abs(Fraction(one)) for one in flat(path))
        ulps = ceil((8 + len(path) // 4) * grown)
        found[f"path{name}"] = both(path, torch.stack(walked).detach(), ulps, largest * reach)
        end = x @ walked[-1].T
        sure = end.softmax(1).gather(1, y[:, None]).mean()
        losses = [float(F.cross_entropy(end, y)), float(_twice(end, y)), float(sure)]
        last = path[-1]
        paper = (task.loss(last), task.doubled(last), task.sure(last))
        found[f"loss, doubled loss, Pr(label) at the end{name}"] = both(paper, losses, ulps, largest * reach)
    return found


def _sketch(z: Row, label: int, task: Task, paths: Paths) -> Sketch:
    others = max(one for place, one in enumerate(z) if place != label)
    curves = []
    for name, steep in (("right", slope), ("doubled", doubled_slope)):
        points = []
        for place in range(-24, 25):
            shifted = tuple(others + Fraction(place, 2) if n == label else one for n, one in enumerate(z))
            points.append((place / 2, float(abs(steep(shifted, label)[label]))))
        curves.append(Curve(name, tuple(points)))
    learnt = tuple(
        Curve(name, tuple((float(place), float(task.sure(w))) for place, w in enumerate(path)))
        for name, path in zip(("right", "doubled"), paths, strict=True)
    )
    across = "label's logit less the largest other"
    pull = Plane("How strongly the label's logit is pulled", across, "|derivative|", tuple(curves))
    words = "The derivative of both losses in the label's logit, and how sure of the labels both trainings become."
    return Sketch(words, (pull, Plane("Training", "step", "Pr(label), on average", learnt)))


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    classes, z = int(dice.whole(3, 30, "classes")), dice.row(3, -3, 3, "logits")
    label = int(dice.whole(0, 2, "label"))
    asked = f"logits {spoken(z)}, right class {label} (counted from 0), to four decimals"
    bounds = (on_paper.least(classes), on_paper.most(classes))
    return (
        Exercise(f"{asked}: what is the gradient of the cross-entropy in the logits?", slope(z, label), 4),
        Exercise(f"{asked}: what is the loss if a softmax comes before cross-entropy?", doubled(z, label), 4),
        Exercise(f"such a loss of {classes} classes: its least, its most, to four decimals?", bounds, 4),
    )

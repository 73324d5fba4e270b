"""Four sentences about FGSM and PGD, true or false: each is shown by running it on a linear classifier of pixels."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.adversary.threat import linf
from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.linear import Attack, probabilities, softmax_gradient
from assay.lessons.paper.numbers import Given, Row, positive, row, shape, short, spoken, table, tensor, whole
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.sketch import Curve, Plane, Sketch

SENTENCES = (
    ("FGSM changes the weights of the network", "false"),
    ("PGD changes the pixels of the image, never the weights", "true"),
    ("a targeted FGSM goes downhill on the loss of the target", "true"),
    ("an untargeted FGSM goes downhill on the loss of the label", "false"),
    ("PGD may end outside the ball, if it takes enough steps", "false"),
    ("FGSM with a step larger than eps leaves the ball, unless it is projected", "true"),
    ("each of PGD's steps is followed by a projection", "true"),
    ("FGSM needs as many gradients as PGD has steps", "false"),
)


def true_or_false(
    *,
    w: Annotated[Given, "the weights of a linear classifier, a row for each class"] = "2,-1,0.5,1;-1,2,1,0;0,1,-2,1.5",
    x: Annotated[Given, "the pixels, from 0 to 1"] = "0.9,0.2,0.5,0.98",
    eps: Annotated[Given, "how far a pixel may move"] = "0.1",
    step_size: Annotated[Given, "how far a step of PGD goes"] = "0.03",
    steps: Annotated[Given, "how many of them"] = 8,
    target: Annotated[Given, "the class that the targeted FGSM aims at, counted from 0"] = 1,
    seed: int = 0,
) -> Lesson:
    """What FGSM and PGD change, where they can aim, and that PGD never leaves the ball.

    The label is the class that the classifier finds. Raises ValueError where w, x and the target do not fit.
    """
    weights, pixels = table(w, "w"), row(x, "x")
    if len(weights) < 2 or len(weights[0]) != len(pixels):
        raise ValueError(f"w must have two rows or more, as long as x, got {'×'.join(map(str, shape(weights)))}")
    if not all(0 <= one <= 1 for one in pixels):
        raise ValueError(f"x must be pixels from 0 to 1, got {spoken(pixels)}")
    far, by, count = positive(eps, "eps"), positive(step_size, "step_size"), whole(steps, "steps", 1, 50)
    aim, before = whole(target, "target", 0, len(weights) - 1), probabilities(weights, pixels)
    label = max(range(len(before)), key=lambda place: before[place])
    if aim == label:
        raise ValueError(f"target must be another class than {label}, which the classifier finds")
    attack = Attack(weights, pixels, far)
    one, toward = attack.step(pixels, label, far), attack.step(pixels, aim, -far)
    path = attack.walk(label, by, count)
    results, moved = _results(attack, label, aim, (one, toward), path, by)
    return Lesson(
        "true_or_false",
        f"Four sentences about FGSM and PGD, of {len(pixels)} pixels and {len(weights)} classes, linf {short(far)}",
        {"w": weights, "x": pixels, "eps": far, "step_size": by, "steps": Fraction(count), "target": Fraction(aim)},
        tuple(_shown(attack, label, aim, (one, toward), path, by, moved)),
        results,
        _sketch(attack, path),
        _exercises(Dice(seed, "true_or_false")),
    )


def _shown(
    attack: Attack, label: int, aim: int, points: tuple[Row, Row], path: tuple[Row, ...], by: Fraction, moved: float
) -> Iterator[str]:
    x, before, (one, toward) = attack.x, probabilities(attack.w, attack.x), points
    yield f"x = {spoken(x)}, probabilities {spoken(before)}: class {label}"
    yield f"gradient of its loss = sum over classes of (probability - [is it the label?])·w = {_sloped(attack, label)}"
    yield ""
    yield "1. FGSM and PGD change the weights: FALSE"
    yield f"   after both the weights are off by {moved:g}: the gradient is taken of the pixels, and nothing learns"
    yield "2. FGSM and PGD change the pixels: TRUE"
    yield f"   FGSM: {spoken(one)}, {_changed(x, one)}; PGD: {spoken(path[-1])}, {_changed(x, path[-1])}"
    after = probabilities(attack.w, one)
    walked = probabilities(attack.w, path[-1])
    yield f"   Pr(class {label}) {short(before[label])} -> {short(after[label])} by FGSM, {short(walked[label])} by PGD"
    aimed = probabilities(attack.w, toward)
    yield "3. FGSM can be targeted: TRUE"
    yield f"   one step down the loss of class {aim}: {spoken(toward)}"
    rise = "rises" if aimed[aim] > before[aim] else "does not rise, as the step is too long"
    yield f"   Pr(class {aim}) {short(before[aim])} -> {short(aimed[aim])}: it {rise}"
    yield "4. PGD can leave the ball: FALSE"
    for place, point in enumerate(path):
        yield f"   after {place}: {spoken(point)}, max |x' - x| = {short(attack.distance(point))}"
    most = max(map(attack.distance, path))
    yield f"   never more than {short(most)}, and {short(attack.eps)} are allowed: each step ends with a projection"
    free = attack.free(label, by, len(path) - 1)
    yield f"   right: projected; wrong: never projected, it would be at {short(free)} by now, an attack nobody allowed"


def _sloped(attack: Attack, label: int) -> str:
    return spoken(softmax_gradient(attack.w, attack.x, label))


def _changed(x: Row, point: Row) -> str:
    return f"{sum(a != b for a, b in zip(x, point, strict=True))} of {len(x)} pixels changed"


def _results(
    attack: Attack, label: int, aim: int, points: tuple[Row, Row], path: tuple[Row, ...], by: Fraction
) -> tuple[dict[str, Result], float]:
    """And how far the weights moved while torch attacked."""
    net = nn.Linear(len(attack.x), len(attack.w), bias=False, dtype=torch.float64)
    net.load_state_dict({"weight": tensor(attack.w)})
    threat, start, far = linf(float(attack.eps)), tensor(attack.x)[None], float(attack.eps)
    fgsm = threat.project(threat.climb(start, _slope(net, start, label), far), start)
    toward = threat.project(threat.climb(start, -_slope(net, start, aim), far), start)
    walked = [start]
    for _ in path[1:]:
        moved = threat.climb(walked[-1], _slope(net, walked[-1], label), float(by))
        walked.append(threat.project(moved, start))
    off = (net.weight.detach() - tensor(attack.w)).abs().max()
    size = 1 + max(sum(map(abs, line)) for line in attack.w)
    inside = tuple(Fraction(attack.distance(point) <= attack.eps) for point in path)
    found = {
        "gradient": both(softmax_gradient(attack.w, attack.x, label), _slope(net, start, label)[0], 8, size),
        "probabilities": both(probabilities(attack.w, attack.x), net(start)[0].detach().softmax(0), 8, size),
        "1: change of the weights": both(Fraction(0), off, 0),
        "2: FGSM": both(points[0], fgsm[0], 2, 1 + attack.eps),
        "2: Pr(label) after FGSM": both(
            probabilities(attack.w, points[0])[label], net(fgsm)[0].detach().softmax(0)[label], 8, size
        ),
        "3: targeted FGSM": both(points[1], toward[0], 2, 1 + attack.eps),
        "3: Pr(target) after it": both(
            probabilities(attack.w, points[1])[aim], net(toward)[0].detach().softmax(0)[aim], 8, size
        ),
        "4: path of PGD": both(path, torch.cat(walked), 2 + len(path), 1 + attack.eps),
        "4: inside": both(inside, threat.contains(torch.cat(walked), start.expand(len(path), -1)).double(), 0),
    }
    return found, float(off)


def _slope(net: nn.Module, points: Tensor, label: int) -> Tensor:
    at = points.detach().requires_grad_()
    return torch.autograd.grad(F.cross_entropy(net(at), torch.full((len(at),), label)), at)[0]


def _sketch(attack: Attack, path: tuple[Row, ...]) -> Sketch:
    steps = tuple((float(place), float(attack.distance(point))) for place, point in enumerate(path))
    edge = ((0.0, float(attack.eps)), (float(len(path) - 1), float(attack.eps)))
    ball = Plane("PGD stays in the ball", "step", "max |x' - x|", (Curve("PGD", steps), Curve("eps", edge)))
    pixels = tuple(
        Curve(f"pixel {place + 1}", tuple((float(step), float(point[place])) for step, point in enumerate(path)))
        for place in range(min(6, len(attack.x)))
    )
    return Sketch(
        "How far PGD is from the image after each step, and what becomes of its pixels.",
        (ball, Plane("The pixels on the way", "step", "pixel", pixels)),
    )


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    x = tuple(one / 20 for one in dice.row(4, 0, 20, "x"))
    slope = tuple((one or Fraction(1)) / 10 for one in dice.row(4, -9, 9, "slope"))
    eps = dice.whole(1, 5, "eps") / 20
    text, truth = SENTENCES[int(dice.whole(0, len(SENTENCES) - 1, "sentence"))]
    given = f"pixels {spoken(x)}, gradient of the loss {spoken(slope)}, eps {short(eps)}"
    attack = Attack((x, x), x, eps)
    return (
        Exercise(f"{given}: where does an untargeted FGSM end?", attack.projected(attack.along(x, slope, eps))),
        Exercise(
            "the same, but it is the gradient of the target's loss: where does a targeted FGSM end?",
            attack.projected(attack.along(x, slope, -eps)),
        ),
        Exercise(f"true or false: {text}?", truth),
    )

"""Max-pooling: of each window the largest number stays; no parameters, little change under a shift, position lost."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

import torch
from torch import nn

from assay.lessons.convolution import windows
from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import Given, Table, flat, lines, shape, short, spoken, table, tensor, whole
from assay.lessons.paper.page import Lesson, both
from assay.lessons.paper.sketch import Grid, Sketch


def pooling(
    *,
    image: Annotated[Given, "numbers, rows apart by ;"] = ".1,-.6,.4,.8;-.4,.3,.9,.2;.5,.2,.8,-.7;.3,.7,-.4,.1",
    size: Annotated[Given, "how many rows and columns a window has"] = 2,
    stride: Annotated[Given, "how far the window moves on"] = 1,
    seed: int = 0,
) -> Lesson:
    """Max-pooling window by window; what it does to a shifted image, and where it loses what matters.

    Raises ValueError where the window is larger than the image.
    """
    seen, own, step = _given(image, size, stride)
    pool = nn.MaxPool2d(own, step)
    pooled, moved = pooled_of(seen, own, step), _shifted(seen)
    pooled_moved = pooled_of(moved, own, step)
    dots = tuple(_dot(own, place) for place in range(own * own))
    lost = tuple(pooled_of(each, own, own) for each in dots)
    as_torch = [pool(tensor(each)[None])[0] for each in (seen, moved)]
    lost_torch = nn.MaxPool2d(own, own)(tensor(dots))
    parameters = sum(each.numel() for each in pool.parameters())
    change, pooled_change = _change(seen, moved), _change(pooled, pooled_moved)
    means = [_mean(*pair) for pair in ((tensor(seen), tensor(moved)), (as_torch[0], as_torch[1]))]
    return Lesson(
        "pooling",
        f"Max-pooling, {own}×{own}, stride {step}, of an image of {'×'.join(map(str, shape(seen)))}",
        {"image": seen, "size": Fraction(own), "stride": Fraction(step)},
        (
            *("image:", *lines(seen)),
            *_maxima(seen, own, step),
            f"output = {spoken(pooled)}",
            f"It has {parameters} parameters: a maximum has nothing to learn",
            "The image moved one column to the right, its edge repeated:",
            *lines(moved),
            f"  output = {spoken(pooled_moved)}",
            f"  a number of the image changed by {spoken(change)} on average, one of the output by "
            f"{spoken(pooled_change)}: {_compared(change, pooled_change)}",
            f"Where it hurts: one bright dot, at each of the {own * own} places of a window, stride {own}:",
            f"  every time the output is {spoken(lost[0])}: where exactly it was is lost",
        ),
        {
            "output": both(pooled, as_torch[0], 1),
            "output of the moved image": both(pooled_moved, as_torch[1], 1),
            "mean change of the image": both(change, means[0], len(flat(seen)) + 2, _size(seen)),
            "mean change of the output": both(pooled_change, means[1], len(flat(seen)) + 2, _size(seen)),
            "outputs of the dots": both(lost, lost_torch, 0),
            "parameters": both(Fraction(0), float(parameters), 0),
        },
        _sketch(seen, pooled, own),
        _exercises(Dice(seed, "pooling")),
    )


def _given(image: Given, size: Given, stride: Given) -> tuple[Table, int, int]:
    """The user's own numbers, read and checked."""
    seen, own, step = table(image, "image"), whole(size, "size", 1, 20), whole(stride, "stride", 1, 20)
    if own > min(shape(seen)):
        raise ValueError(f"the window must fit into the image, got {own}×{own} and {'×'.join(map(str, shape(seen)))}")
    return seen, own, step


def pooled_of(image: Table, size: int, stride: int) -> Table:
    """The largest number of each window."""
    found = [(top, max(window)) for top, _, window in windows(image, size, size, stride)]
    return tuple(tuple(most for row, most in found if row == top) for top in sorted({top for top, _ in found}))


def _maxima(image: Table, size: int, stride: int) -> Iterator[str]:
    for top, left, window in windows(image, size, size, stride):
        listed = ", ".join(map(short, window))
        yield f"  output[{top // stride + 1},{left // stride + 1}] = max({listed}) = {short(max(window))}"


def _shifted(image: Table) -> Table:
    return tuple((line[0], *line[:-1]) for line in image)


def _dot(size: int, place: int) -> Table:
    """Zeros, and a 1 at that place of the first window of four."""
    sides = range(2 * size)
    return tuple(tuple(Fraction(divmod(place, size) == (row, column)) for column in sides) for row in sides)


def _change(one: Table, other: Table) -> Fraction:
    pairs = list(zip(flat(one), flat(other), strict=True))
    return sum((abs(a - b) for a, b in pairs), Fraction(0)) / len(pairs)


def _mean(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (one - other).abs().mean()


def _size(image: Table) -> Fraction:
    return 2 * sum(map(abs, flat(image)), Fraction(0))


def _compared(change: Fraction, pooled: Fraction) -> str:
    if pooled < change:
        return "less, which is what pooling is for"
    return "not less: of this image pooling does not soften a shift"


def _sketch(image: Table, pooled: Table, size: int) -> Sketch:
    first = [(row, column) for row in range(size) for column in range(size)]
    cells = [tuple(tuple(map(short, line)) for line in each) for each in (image, pooled)]
    grids = (Grid("image", cells[0], tuple(first)), Grid("output", cells[1], ((0, 0),)))
    return Sketch("The image with its first window marked, and the output with its first number.", grids)


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    image = dice.table(4, 4, -9, 9, "image")
    side, size = int(dice.whole(10, 60, "side")), int(dice.whole(2, 5, "size"))
    asked = f"max-pooling 2×2 of {spoken(image)}"
    return (
        Exercise(f"{asked}, stride 2: what is the output?", pooled_of(image, 2, 2)),
        Exercise(f"{asked}, stride 1: what is the output?", pooled_of(image, 2, 1)),
        Exercise(
            f"an image of {side}×{side} is pooled {size}×{size}, stride {size}: how many numbers are left?",
            Fraction((side // size) ** 2),
        ),
    )

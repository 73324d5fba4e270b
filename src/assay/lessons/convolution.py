"""Convolution as networks mean it: a kernel slides over an image, every product printed; strides, padding, channels."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated

import torch
import torch.nn.functional as F

from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import (
    Given,
    Table,
    Value,
    channels,
    dot,
    lines,
    products,
    shape,
    short,
    spoken,
    tensor,
    whole,
)
from assay.lessons.paper.page import Lesson, both
from assay.lessons.paper.sketch import Grid, Sketch

Channels = tuple[Table, ...]
ZERO = Fraction(0)


def convolution(
    *,
    image: Annotated[Given, "numbers, rows apart by ; and channels by |"] = "1,-1,3,4,4",
    kernel: Annotated[Given, "the same for the kernel; with one row each, the image is one-dimensional"] = "1,1",
    stride: Annotated[Given, "how far the kernel moves on"] = 1,
    padding: Annotated[Given, "how many zeros are put around the image"] = 0,
    seed: int = 0,
) -> Lesson:
    """Cross-correlation, which networks call convolution, product by product; the true convolution beside it.

    Raises ValueError where the kernel has other channels than the image, or is larger than the padded image.
    """
    seen, weights = channels(image, "image"), channels(kernel, "kernel")
    step, zeros = whole(stride, "stride", 1, 50), whole(padding, "padding", 0, 20)
    flat = all(len(each[0]) == 1 for each in (seen, weights))
    padded = tuple(_padded(each, zeros, 0 if flat else zeros) for each in seen)
    _fits(padded, weights)
    output = correlated(padded, weights, step)
    true = correlated(padded, tuple(_turned(each) for each in weights), step)
    size = correlated(_absolute(padded), _absolute(weights), step)
    terms = sum(len(each) * len(each[0]) for each in weights) + 1
    as_torch, turned = (
        F.conv2d(tensor(seen)[None], each[None], stride=step, padding=(0 if flat else zeros, zeros))[0, 0]
        for each in (tensor(weights), tensor(weights).flip(1, 2))
    )
    own, own_true = (output[0], true[0]) if flat else (output, true)
    if flat:
        as_torch, turned = as_torch[0], turned[0]
    return Lesson(
        "convolution",
        f"{_sized(seen)} image, {_sized(weights)} kernel, stride {step}, padding {zeros}",
        {"image": seen, "kernel": weights, "stride": Fraction(step), "padding": Fraction(zeros)},
        (
            *_given(seen, weights, padded if zeros else None),
            *_formula(seen, weights, step, zeros, flat),
            *_products(padded, weights, step, flat),
            f"output = {spoken(own)}",
            *_flipped(own, own_true, flat),
        ),
        {
            "output": both(own, as_torch, terms, size),
            "true convolution": both(own_true, turned, terms, size),
            "output size": both(tuple(map(Fraction, shape(own))), torch.tensor(as_torch.shape), 0),
        },
        _sketch(padded, weights, output),
        _exercises(Dice(seed, "convolution")),
    )


def windows(image: Table, rows: int, columns: int, stride: int) -> Iterator[tuple[int, int, tuple[Fraction, ...]]]:
    """Where each window lies, and its numbers in reading order."""
    for top in range(0, len(image) - rows + 1, stride):
        for left in range(0, len(image[0]) - columns + 1, stride):
            yield top, left, tuple(one for line in image[top : top + rows] for one in line[left : left + columns])


def correlated(image: Channels, kernel: Channels, stride: int) -> Table:
    """Each output is the sum, over all channels, of a window's numbers times the kernel's at the same place."""
    rows, columns = len(kernel[0]), len(kernel[0][0])
    weights = [one for each in kernel for line in each for one in line]
    places = [list(windows(each, rows, columns, stride)) for each in image]
    sums = {
        (seen[0][0], seen[0][1]): dot([one for *_, window in seen for one in window], weights)
        for seen in zip(*places, strict=True)
    }
    tops = sorted({top for top, _ in sums})
    return tuple(tuple(found for (row, _), found in sums.items() if row == top) for top in tops)


def _padded(image: Table, across: int, up: int) -> Table:
    empty = (ZERO,) * (len(image[0]) + 2 * across)
    middle = [(*(ZERO,) * across, *line, *(ZERO,) * across) for line in image]
    return (*(empty,) * up, *middle, *(empty,) * up)


def _turned(kernel: Table) -> Table:
    return tuple(line[::-1] for line in kernel[::-1])


def _absolute(image: Channels) -> Channels:
    return tuple(tuple(tuple(map(abs, line)) for line in each) for each in image)


def _fits(image: Channels, kernel: Channels) -> None:
    if len(image) != len(kernel):
        raise ValueError(f"the kernel needs as many channels as the image, got {len(kernel)} and {len(image)}")
    if any(small > large for small, large in zip(shape(kernel)[1:], shape(image)[1:], strict=True)):
        raise ValueError(f"the kernel must fit into the padded image, got {_sized(kernel)} and {_sized(image)}")


def _sized(image: Channels) -> str:
    count, rows, columns = shape(image)
    text = str(columns) if rows == 1 else f"{rows}×{columns}"
    return text if count == 1 else f"{count}×{text}"


def _given(image: Channels, kernel: Channels, padded: Channels | None) -> Iterator[str]:
    named = (("image", image), ("kernel", kernel), *((("image with zeros around", padded),) if padded else ()))
    for name, each in named:
        for channel, numbers in enumerate(each, 1):
            yield f"{name}{f', channel {channel}' if len(each) > 1 else ''}:"
            yield from lines(numbers)


def _formula(image: Channels, kernel: Channels, stride: int, padding: int, flat: bool) -> Iterator[str]:
    """The output size of each side, and what is left over where the stride does not divide."""
    names, sizes = ("rows", "columns"), []
    yield "output size = (in - k + 2p) / s + 1, rounded down:"
    for place, name in enumerate(names):
        if flat and place == 0:
            continue
        side, own = shape(image)[1 + place], shape(kernel)[1 + place]
        room = side - own + 2 * padding
        sizes.append((room // stride + 1, room + 1))
        yield f"  {name}: ({side} - {own} + 2·{padding}) / {stride} + 1 = {short(Fraction(room, stride) + 1)}" + (
            f", so {room // stride + 1}: the last {room % stride} are seen by no window" if room % stride else ""
        )
    whole_image = "×".join(str(side + 2 * padding) for side in shape(image)[2 if flat else 1 :])
    yield f"  for a single output number the kernel has to be as large as the padded image: {whole_image}"
    if any(right != wrong for right, wrong in sizes):
        right, wrong = ("×".join(map(str, each)) for each in zip(*sizes, strict=True))
        yield f"  right: {right}; wrong, as where the stride is forgotten: {wrong}, numbers that nobody computes"


def _products(image: Channels, kernel: Channels, stride: int, flat: bool) -> Iterator[str]:
    rows, columns = shape(kernel)[1:]
    weights = [one for each in kernel for line in each for one in line]
    places = [list(windows(each, rows, columns, stride)) for each in image]
    for seen in zip(*places, strict=True):
        top, left, _ = seen[0]
        numbers = [one for *_, window in seen for one in window]
        where = f"{left // stride + 1}" if flat else f"{top // stride + 1},{left // stride + 1}"
        yield f"  output[{where}] = {products(numbers, weights)} = {short(dot(numbers, weights))}"


def _flipped(output: Value, true: Value, flat: bool) -> Iterator[str]:
    first, turned = (output[0], true[0]) if flat else (output[0][0], true[0][0])
    yield "This is cross-correlation, which networks call convolution. The true one turns the kernel by half a turn:"
    yield f"  true convolution = {spoken(true)}" + (" (the same here)" if true == output else "")
    if first != turned:
        yield f"  its first number is {short(turned)}, not {short(first)}"


def _sketch(image: Channels, kernel: Channels, output: Table) -> Sketch:
    rows, columns = len(kernel[0]), len(kernel[0][0])
    window = tuple((row, column) for row in range(rows) for column in range(columns))
    more = "" if len(image) == 1 else ", channel 1"
    grids = (
        Grid(f"image{more}", _cells(image[0]), window),
        Grid(f"kernel{more}", _cells(kernel[0])),
        Grid("output", _cells(output), ((0, 0),)),
    )
    return Sketch("The image with its first window marked, the kernel, and the output with its first number.", grids)


def _cells(numbers: Table) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(short, line)) for line in numbers)


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    row, pair = dice.table(1, 6, -5, 5, "row"), dice.table(1, 2, 1, 4, "pair")
    side, own, zeros = (int(dice.whole(*each)) for each in ((20, 64, "in"), (2, 7, "k"), (0, 3, "p")))
    step = int(dice.whole(2, 3, "s"))
    image, kernel = dice.table(3, 3, -5, 5, "image"), dice.table(2, 2, -3, 3, "kernel")
    sides = f"an image of {side}×{side}, a kernel of {own}×{own}, padding {zeros}, stride {step}"
    return (
        Exercise(
            f"{spoken(row[0])} * {spoken(pair[0])}, stride 2: what is the output of a network's convolution?",
            correlated((row,), (pair,), 2)[0],
        ),
        Exercise(f"{sides}: how many rows has the output?", Fraction((side - own + 2 * zeros) // step + 1)),
        Exercise(
            f"{spoken(image)} * {spoken(kernel)}, stride 1: what is the output of a network's convolution?",
            correlated((image,), (kernel,), 1),
        ),
    )

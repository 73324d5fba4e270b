"""A convolution of one's own: windows as columns, one product of matrices forward, and two of them back."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import (
    Given,
    Row,
    Table,
    Value,
    channels,
    dot,
    each,
    flat,
    kernels,
    lines,
    products,
    row,
    shape,
    short,
    signed,
    spoken,
    tensor,
    whole,
)
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.sketch import Grid, Sketch
from assay.lessons.paper.unfolding import Channels, Unfolding, Work, folded, matmul, turned
from assay.models.own_convolution import Convolve, Windows

MOST_COLUMNS, MOST_ROWS = 12, 18  # of a matrix that is printed
OUTPUT = "output"
IMAGE = "numbers, rows apart by ; and channels by |"
UP = (
    "the gradient from above: as the output is written, or one number for all of it; output: of half its sum of squares"
)


def own_convolution(
    *,
    image: Annotated[Given, IMAGE] = "1,2,0;0,1,3;2,1,1",
    kernel: Annotated[Given, "the same for a kernel; more kernels apart by ||"] = "1,-1;2,0.5",
    bias: Annotated[Given, "one number for each kernel, or one for all"] = "0.5",
    up: Annotated[Given, UP] = OUTPUT,
    stride: Annotated[Given, "how far the kernel moves on"] = 1,
    padding: Annotated[Given, "how many zeros are put around the image"] = 0,
    seed: int = 0,
) -> Lesson:
    """Convolution by unfold and a product; its three gradients by a product, a product and fold, and a sum.

    On paper, by torch's own convolution, and by the function of assay.models.own_convolution; all three must agree.
    Raises ValueError where sizes do not fit.
    """
    work = _work(channels(image, "image"), kernels(kernel, "kernel"), bias, up, stride, padding)
    given = work.unfolding
    return Lesson(
        "own_convolution",
        f"A convolution of one's own: {_sized(work.image)} image, {len(work.weights)} "
        f"kernel{'s' * (len(work.weights) > 1)} of {_sized(work.weights[0])}, stride {given.stride}, "
        f"padding {given.padding}",
        {
            **{"image": work.image, "kernel": work.weights, "bias": work.bias},
            **{"up": _images(work.above, work), "stride": Fraction(given.stride), "padding": Fraction(given.padding)},
        },
        (*_forward(work), *_back(work), *_overlapping(work), *_checked(work)),
        _results(work),
        _sketch(work),
        _exercises(Dice(seed, "own_convolution")),
    )


def _work(
    image: Channels, weights: tuple[Channels, ...], bias: Given, up: Given, stride: Given, padding: Given
) -> Work:
    step, zeros = whole(stride, "stride", 1, 50), whole(padding, "padding", 0, 20)
    _, inside, *sides = shape(weights)
    if inside != len(image):
        raise ValueError(f"a kernel needs as many channels as the image, got {inside} and {len(image)}")
    if any(own > side + 2 * zeros for own, side in zip(sides, shape(image)[1:], strict=True)):
        padded = "×".join(str(side + 2 * zeros) for side in shape(image)[1:])
        raise ValueError(f"the kernel must fit into the padded image, got {'×'.join(map(str, sides))} and {padded}")
    unfolding = Unfolding((len(image), *shape(image[0])), (sides[0], sides[1]), step, zeros)  # type: ignore[arg-type]
    own = row(bias, "bias")
    if len(own) not in (1, len(weights)):
        raise ValueError(f"bias must be one number, or one for each of {len(weights)} kernels, got {len(own)}")
    biases = own * len(weights) if len(own) == 1 else own
    return Work(image, weights, biases, _above(up, len(weights), unfolding.windows), unfolding)


def _above(up: Given, kernels: int, windows: tuple[int, int]) -> Table | None:
    if isinstance(up, str) and up.strip() == OUTPUT:
        return None
    found, size = channels(up, "up"), (kernels, *windows)
    if shape(found) == (1, 1, 1):
        return ((found[0][0][0],) * (windows[0] * windows[1]),) * kernels
    if shape(found) != size:
        text = "×".join(map(str, size))
        raise ValueError(f"up must be {OUTPUT}, one number, or as large as the output, {text}, got {_sized(found)}")
    return tuple(tuple(flat(table)) for table in found)


def _images(rows: Table, work: Work) -> Channels:
    return folded(rows, work.unfolding.windows)


def _sized(value: Value) -> str:
    return "×".join(map(str, shape(value)))


def _forward(work: Work) -> Iterator[str]:
    rows, count = shape(work.columns)
    yield from _tables("image", work.image)
    yield f"Forward. Unfolded, each of the {count} windows is a column, each of a kernel's {rows} weights meets a row:"
    yield from _matrix(work.columns)
    yield f"the kernels, a row for each ({_sized(work.matrix)}):"
    yield from _matrix(work.matrix)
    yield "output = kernels · columns + bias: rows times columns, as always"
    for place, line in enumerate(work.matrix):
        first, bias = tuple(one[0] for one in work.columns), work.bias[place]
        total = f"{_added(line, first)} + {signed(bias)} = {short(work.output[place][0])}"
        yield f"  first number of row {place + 1}: {total}"
    yield from _tables("output", _images(work.output, work))


def _back(work: Work) -> Iterator[str]:
    of = "; it is the output itself, as the loss is half the sum of its squares" if work.up is None else ""
    yield f"Back. The gradient that comes from above, a row for each kernel{of}:"
    yield from _matrix(work.above)
    yield "  of the bias: each window adds it once, so the sum of a row:"
    yield f"    {spoken(work.to_bias)}"
    yield f"  of the kernels: above · columns, turned: {_sized(work.above)} times {_sized(turned(work.columns))}:"
    first = _added(work.above[0], work.columns[0])
    yield f"    the first weight meets the first row of the columns: {first} = {short(work.to_weights[0][0])}"
    yield from _matrix(work.to_weights)
    yield f"  of the columns: kernels, turned, · above: {_sized(turned(work.matrix))} times {_sized(work.above)}:"
    yield from _matrix(work.to_columns)
    yield "  of the image: fold these columns; a pixel gets the sum of all that stands at its places:"
    yield from _tables("gradient of the image", work.to_image)


def _overlapping(work: Work) -> Iterator[str]:
    """What fold is not."""
    seen = work.unfolding.fold(each(lambda one: 0 * one + 1, work.columns))
    most = max(flat(seen))
    yield "fold is unfold transposed, and not undone: fold(unfold(image)) is each pixel times the windows that see it:"
    yield from _tables("how many windows see a pixel", seen[:1])
    if most > 1:
        wrong = work.overwritten
        apart = max(abs(a - b) for a, b in zip(flat(work.to_image), flat(wrong), strict=True))
        yield "  right: the sum; wrong, as where a later window overwrites an earlier one:"
        yield from _tables("wrong gradient of the image", wrong)
        yield f"  up to {short(apart)} off: a pixel that {short(most)} windows see would hear of one of them only"


def _checked(work: Work) -> Iterator[str]:
    """A difference quotient, exact for any step where the loss is a plane."""
    first, *others = work.matrix
    moved = matmul(((first[0] + 1, *first[1:]), *others), work.columns)
    rise = dot(flat(work.above), flat(moved)) - dot(flat(work.above), flat(matmul(work.matrix, work.columns)))
    yield "Checked by a difference: the first weight grows by 1, and the sum of above times output"
    yield f"  grows by {short(rise)}; its gradient is {short(work.to_weights[0][0])}"


def _results(work: Work) -> dict[str, Result]:
    given, size = work.unfolding, work.absolute
    windows = Windows(given.kernel, (given.stride,) * 2, (given.padding,) * 2)

    paper: dict[str, tuple[Value, Value, int]] = {
        "output": (_images(work.output, work), size.output, len(work.matrix[0])),
        "gradient of the image": (work.to_image, size.to_image, len(work.matrix) * len(work.matrix[0])),
        "gradient of the kernels": (work.to_kernels, size.to_kernels, len(work.above[0])),
        "gradient of the bias": (work.to_bias, size.to_bias, len(work.above[0])),
    }
    found = {
        "columns": both(work.columns, windows.columns(tensor(work.image)[None])[0], 1),
        "folded columns": both(
            given.fold(work.columns),
            windows.images(tensor(work.columns)[None], given.size[1:])[0],
            len(work.matrix[0]),
            given.fold(each(abs, work.columns)),
        ),
    }
    for name, function in {"torch": F.conv2d, "own function": None}.items():
        answers = _backward(work, windows, function)
        for (what, (value, most, terms)), answer in zip(paper.items(), answers, strict=True):
            grown = 1 if what == "output" or work.up is not None else len(work.matrix[0]) + 1
            found[f"{what}, {name}"] = both(value, answer, terms + grown + 1, most)
    return found


def _backward(work: Work, windows: Windows, function: Any) -> tuple[Tensor, ...]:
    """The output and the three gradients, by torch's convolution or by the one of the models."""
    leaves = [tensor(each).requires_grad_() for each in (work.image, work.weights, work.bias)]
    image, weights, bias = leaves[0][None], leaves[1], leaves[2]
    if function is None:
        output = Convolve.apply(image, weights, bias, windows)[0]
    else:
        output = function(image, weights, bias, windows.stride, windows.padding)[0]
    up = output.detach() if work.up is None else tensor(_images(work.up, work))
    return (output.detach(), *torch.autograd.grad(output, leaves, up))


def _added(left: Row, right: Row) -> str:
    return products(left, right) if len(left) <= MOST_COLUMNS else f"the sum of {len(left)} products"


def _tables(name: str, tables: Channels) -> Iterator[str]:
    for channel, numbers in enumerate(tables, 1):
        yield f"{name}{f', channel {channel}' if len(tables) > 1 else ''}:"
        yield from _matrix(numbers)


def _matrix(numbers: Table) -> Iterator[str]:
    """As much of it as fits on a page."""
    rows, columns = shape(numbers)
    left = "" if columns <= MOST_COLUMNS else f"  … and {columns - MOST_COLUMNS} more columns"
    yield from (line + left for line in lines(tuple(line[:MOST_COLUMNS] for line in numbers[:MOST_ROWS])))
    if rows > MOST_ROWS:
        yield f"    … and {rows - MOST_ROWS} more rows"


def _sketch(work: Work) -> Sketch:
    rows, columns = work.unfolding.kernel
    down, across = (range(max(0, side - work.unfolding.padding)) for side in (rows, columns))
    window = tuple((row, column) for row in down for column in across)
    more = "" if len(work.image) == 1 else ", channel 1"
    column = tuple((place, 0) for place in range(len(work.matrix[0])))
    grids = (
        Grid(f"image{more}", _cells(work.image[0]), window),
        Grid("columns: a window each", _cells(work.columns), column),
        Grid(f"gradient of the image{more}", _cells(work.to_image[0]), window),
    )
    return Sketch("The image with its first window marked, that window as a column, the gradient folded back.", grids)


def _cells(numbers: Table) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(short, line)) for line in numbers)


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    image, kernel, up = (
        dice.table(3, 3, -4, 4, "image"),
        dice.table(2, 2, -3, 3, "kernel"),
        dice.table(2, 2, -2, 3, "up"),
    )
    work = Work((image,), ((kernel,),), (Fraction(0),), (tuple(flat(up)),), Unfolding((1, 3, 3), (2, 2), 1, 0))
    asked = f"image {spoken(image)}, kernel {spoken(kernel)}, stride 1"
    return (
        Exercise(f"{asked}: what are the columns, a window each, in reading order?", work.columns),
        Exercise(f"the same, gradient from above {spoken(up)}: what is the gradient of the kernel?",
                 folded(work.to_weights, (2, 2))[0]),
        Exercise("the same: what is the gradient of the image?", work.to_image[0]),
    )  # fmt: skip

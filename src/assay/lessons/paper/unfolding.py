"""The windows of an image as columns of a matrix, and back: convolution as a product of matrices, on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from math import prod

from assay.lessons.paper.numbers import Row, Table, dot, each, flat

Channels = tuple[Table, ...]
Place = tuple[int, int, int]  # channel, row, column
ZERO = Fraction(0)


@dataclass(frozen=True)
class Unfolding:
    """Which pixel of an image stands where in the matrix: a row for each weight, a column for each window."""

    size: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: int
    padding: int

    @property
    def windows(self) -> tuple[int, int]:
        """How many there are, down and across."""
        down, across = (
            (side + 2 * self.padding - own) // self.stride + 1
            for side, own in zip(self.size[1:], self.kernel, strict=True)
        )
        return down, across

    def places(self) -> Iterator[list[Place | None]]:
        """Row for row the pixels of the matrix; None is a zero of the padding."""
        down, across = self.windows
        for channel, row, column in product(range(self.size[0]), *map(range, self.kernel)):
            yield [
                self._inside(
                    channel, top * self.stride + row - self.padding, left * self.stride + column - self.padding
                )
                for top, left in product(range(down), range(across))
            ]

    def _inside(self, channel: int, row: int, column: int) -> Place | None:
        return (channel, row, column) if 0 <= row < self.size[1] and 0 <= column < self.size[2] else None

    def unfold(self, image: Channels) -> Table:
        """The matrix of an image."""
        return tuple(tuple(ZERO if at is None else image[at[0]][at[1]][at[2]] for at in line) for line in self.places())

    def fold(self, columns: Table) -> Channels:
        """The sum of all that stands in the matrix at a pixel's places: unfold, transposed."""
        found = dict.fromkeys(product(*map(range, self.size)), ZERO)
        for line, numbers in zip(self.places(), columns, strict=True):
            for at, one in zip(line, numbers, strict=True):
                if at is not None:
                    found[at] = merged(found[at], one)
        return tuple(
            tuple(tuple(found[channel, row, column] for column in range(self.size[2])) for row in range(self.size[1]))
            for channel in range(self.size[0])
        )


def merged(before: Fraction, one: Fraction) -> Fraction:
    """What becomes of two numbers that belong to one pixel."""
    return before + one


def matmul(left: Table, right: Table) -> Table:
    """Rows times columns."""
    columns = tuple(zip(*right, strict=True))
    return tuple(tuple(dot(line, column) for column in columns) for line in left)


def turned(table: Table) -> Table:
    """Rows become columns."""
    return tuple(zip(*table, strict=True))


def folded(rows: Table, size: tuple[int, int]) -> Channels:
    """Each row as a table of that size."""
    down, across = size
    return tuple(tuple(line[place * across : (place + 1) * across] for place in range(down)) for line in rows)


def sums(table: Table) -> Row:
    """Of each row."""
    return tuple(sum(line, ZERO) for line in table)


@dataclass(frozen=True)
class Work:
    """What is given, and what comes of it on paper: forward, and back from `up`."""

    image: Channels
    weights: tuple[Channels, ...]
    bias: Row
    up: Table | None
    unfolding: Unfolding

    @cached_property
    def matrix(self) -> Table:
        """The kernels, a row for each."""
        return tuple(tuple(flat(kernel)) for kernel in self.weights)

    @cached_property
    def columns(self) -> Table:
        """The windows."""
        return self.unfolding.unfold(self.image)

    @cached_property
    def output(self) -> Table:
        """A row for each kernel, a column for each window."""
        rows = zip(matmul(self.matrix, self.columns), self.bias, strict=True)
        return tuple(tuple(one + bias for one in line) for line, bias in rows)

    @cached_property
    def above(self) -> Table:
        """The gradient of the output."""
        return self.output if self.up is None else self.up

    @cached_property
    def to_columns(self) -> Table:
        """The gradient of the columns."""
        return matmul(turned(self.matrix), self.above)

    @cached_property
    def to_image(self) -> Channels:
        """The gradient of the image."""
        return self.unfolding.fold(self.to_columns)

    @cached_property
    def to_weights(self) -> Table:
        """The gradient of the kernels, a row for each."""
        return matmul(self.above, turned(self.columns))

    @cached_property
    def to_kernels(self) -> tuple[Channels, ...]:
        """The same, as the kernels are written."""
        size = self.unfolding.size[0], prod(self.unfolding.kernel)
        return tuple(folded(folded((line,), size)[0], self.unfolding.kernel) for line in self.to_weights)

    @cached_property
    def overwritten(self) -> Channels:
        """Wrong for the image: each pixel with only what the last window says of it."""
        found: dict[Place | None, Fraction] = {}
        for numbers, places in zip(turned(self.to_columns), zip(*self.unfolding.places(), strict=True), strict=True):
            found.update(zip(places, numbers, strict=True))
        count, rows, columns = map(range, self.unfolding.size)
        return tuple(tuple(tuple(found.get((c, r, s), ZERO) for s in columns) for r in rows) for c in count)

    @cached_property
    def to_bias(self) -> Row:
        """The gradient of the biases."""
        return sums(self.above)

    @cached_property
    def absolute(self) -> "Work":
        """The same with no sign: how large its sums could be."""
        up = None if self.up is None else each(abs, self.up)
        return Work(each(abs, self.image), each(abs, self.weights), each(abs, self.bias), up, self.unfolding)

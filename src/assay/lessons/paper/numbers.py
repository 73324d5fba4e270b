"""Numbers as on paper: read as exact fractions, printed exactly.

A float is the number that it prints as: 0.1 is 1/10. What is not rational (sigmoid) is a Decimal of 40 digits.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Exact = Fraction | Decimal
Value = Any  # an Exact, or a tuple of values: a row, a table, channels of tables
Row = tuple[Fraction, ...]
Table = tuple[Row, ...]
Given = str | float | Fraction | Sequence[Any]  # what a lesson takes: "1,0;0,1", or a list of lists
DIGITS = Context(prec=40)
MOST_NUMBERS, LONGEST = 400, 16
PLACES = 6  # decimals beyond which a number is printed as a fraction
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(/(\d+\.?\d*|\.\d+))?")
FORM = {0: "a number such as 3, -0.5 or 1/3", 1: "numbers such as 2,1", 2: "rows of numbers such as 1,0;0,1"}
FORM[3] = "channels such as 1,0;0,1|2,3;4,5"
FORM[4] = "kernels such as 1,0;0,1||2,3;4,5"


def number(given: Given, what: str) -> Fraction:
    """One number; ValueError if it is none, or so long that nobody would write it on paper."""
    text = (str(given) if isinstance(given, int | float | Fraction | Decimal) else given) if _plain(given) else None
    if not isinstance(text, str) or not NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{what} must be {FORM[0]}, got {_short(given)}")
    text = text.strip()
    if len(text) > LONGEST:
        raise ValueError(f"{what}: a number may have {LONGEST} signs, got {_short(given)}")
    above, _, below = text.partition("/")
    if below and not Fraction(below):
        raise ValueError(f"{what}: division by zero in {text!r}")
    return Fraction(above) / Fraction(below or "1")


def row(given: Given, what: str) -> Row:
    """Numbers apart by commas, or a list of them."""
    return _numbers(_items(given, ",", what, 1), what)


def table(given: Given, what: str) -> Table:
    """Rows apart by semicolons, of equal length; one row is a table, too."""
    return _equal([row(each, what) for each in _nested(given, ";", what, 2)], what)


def channels(given: Given, what: str) -> tuple[Table, ...]:
    """Tables apart by |, of equal size; one table is one channel."""
    return _equal([table(each, what) for each in _nested(given, "|", what, 3)], what)


def kernels(given: Given, what: str) -> tuple[tuple[Table, ...], ...]:
    """Channels of tables apart by ||, of equal size; one of them is one kernel."""
    return _equal([channels(each, what) for each in _nested(given, "||", what, 4)], what)


def whole(given: Given, what: str, low: int, high: int) -> int:
    """A whole number from low to high."""
    text = str(given).strip()
    if isinstance(given, bool) or not re.fullmatch(r"[-+]?\d{1,9}", text) or not low <= int(text) <= high:
        raise ValueError(f"{what} must be a whole number from {low} to {high}, got {_short(given)}")
    return int(text)


def positive(given: Given, what: str) -> Fraction:
    """A number above zero."""
    found = number(given, what)
    if found <= 0:
        raise ValueError(f"{what} must be more than 0, got {short(found)}")
    return found


def _plain(given: Given) -> bool:
    return isinstance(given, str | int | float | Fraction | Decimal) and not isinstance(given, bool)


def _items(given: Given, sign: str, what: str, depth: int) -> list[Any]:
    found = given.split(sign) if isinstance(given, str) else [given] if _plain(given) else given
    if not isinstance(found, Iterable) or isinstance(found, dict):
        raise ValueError(f"{what} must be {FORM[depth]}, got {_short(given)}")
    found = list(found)
    if not 1 <= len(found) <= MOST_NUMBERS:
        raise ValueError(f"{what} must have 1 to {MOST_NUMBERS} numbers, got {len(found)}")
    return found


def _nested(given: Given, sign: str, what: str, depth: int) -> list[Any]:
    """The parts; what is a part itself is one of one."""
    found = _items(given, sign, what, depth)
    if isinstance(given, str) or depth_of(found) >= depth:
        return found
    return [given]


def depth_of(given: Any) -> int:
    """How many brackets stand before the first number."""
    if isinstance(given, str | Tensor) or not isinstance(given, Iterable):
        return 0
    return 1 + depth_of(next(iter(given), 0))


def _numbers(items: list[Any], what: str) -> Row:
    if len(items) > MOST_NUMBERS:
        raise ValueError(f"{what} must have at most {MOST_NUMBERS} numbers, got {len(items)}")
    return tuple(number(each, what) for each in items)


def _equal(parts: list[Any], what: str) -> tuple[Any, ...]:
    sizes = [shape(part) for part in parts]
    if uneven := next((size for size in sizes if size != sizes[0]), None):
        first, other = ("×".join(map(str, size)) for size in (sizes[0], uneven))
        raise ValueError(f"{what} must have parts of equal size, got {first} and {other} numbers")
    return tuple(parts)


def _short(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:57]}…"


def shape(value: Value) -> tuple[int, ...]:
    """(rows, columns), and so on; () for a number."""
    return (len(value), *shape(value[0])) if isinstance(value, tuple) else ()


def each(function: Callable[[Any], T], value: Value) -> Any:
    """The function of every number, in the same brackets."""
    return tuple(each(function, part) for part in value) if isinstance(value, tuple) else function(value)


def flat(value: Value) -> list[Any]:
    """All numbers in reading order."""
    return [one for part in value for one in flat(part)] if isinstance(value, tuple) else [value]


def tensor(value: Value) -> Tensor:
    """The same numbers in float64, each the nearest there is."""
    return torch.tensor(each(float, value), dtype=torch.float64)


def dot(left: Iterable[Fraction], right: Iterable[Fraction]) -> Fraction:
    """The sum of products."""
    return sum((a * b for a, b in zip(left, right, strict=True)), Fraction(0))


def decimal(value: Exact) -> Decimal:
    """40 digits of it."""
    return value if isinstance(value, Decimal) else DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))


def sigmoid(z: Exact) -> Decimal:
    """1 / (1 + exp(-z)), to 40 digits."""
    return DIGITS.divide(Decimal(1), DIGITS.add(Decimal(1), DIGITS.exp(decimal(z).copy_negate())))


def short(value: Exact, places: int = 4) -> str:
    """7, 0.4 or 1/3: exactly, if it is rational; a Decimal to so many places."""
    if isinstance(value, Decimal):
        return f"{value:.{places}f}"
    if value.denominator == 1:
        return str(value.numerator)
    for digits in range(1, PLACES + 1):
        if (value * 10**digits).denominator == 1:
            return f"{float(value):.{digits}f}"
    return str(value)


def spoken(value: Value, places: int = 4) -> str:
    """A number with its fraction beside its decimals, or brackets of numbers: 17/2 = 8.5; [5, 4.5, 8]."""
    if isinstance(value, tuple):
        return f"[{', '.join(spoken_within(part, places) for part in value)}]"
    if isinstance(value, Decimal) or value.denominator == 1:
        return short(value, places)
    written = short(value)
    return f"{value} = {written}" if written != str(value) else f"{value} ≈ {float(value):.{places}f}"


def spoken_within(value: Value, places: int = 4) -> str:
    """The same inside brackets."""
    return spoken(value, places) if isinstance(value, tuple) else short(value, places)


def signed(value: Exact) -> str:
    """In brackets if negative, as behind a times."""
    return f"({short(value)})" if value < 0 else short(value)


def products(left: Iterable[Fraction], right: Iterable[Fraction]) -> str:
    """1·1 + (-1)·1: every product, as on paper."""
    return " + ".join(f"{signed(a)}·{signed(b)}" for a, b in zip(left, right, strict=True))


def lines(numbers: Table, indent: str = "    ") -> list[str]:
    """A table, its columns set to the right."""
    cells = [[short(one) for one in line] for line in numbers]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [indent + "  ".join(f"{cell:>{wide}}" for cell, wide in zip(line, widths, strict=True)) for line in cells]

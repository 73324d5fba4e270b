"""A chain of layers in a few words, and what each has and does, counted on paper."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from assay.lessons.paper.numbers import Given, row, short, whole
from assay.spec import choices

Size = tuple[int, ...]  # (channels, rows, columns), or (numbers,)
MOST_LAYERS, MOST = 60, 10_000
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "conv": (("CHANNELS", "KERNEL"), ("stride", "padding", "no-bias")),
    "linear": (("OUTPUTS",), ("no-bias",)),
    "pool": (("SIZE",), ("stride",)),
    "average": (("SIZE",), ("stride",)),
    "norm": ((), ()),
    "relu": ((), ()),
    "flatten": ((), ()),
    "residual": (("CHANNELS",), ()),
}
RANGES = {"KERNEL": (1, 64), "SIZE": (1, 64), "stride": (1, 64), "padding": (0, 64)}


@dataclass(frozen=True)
class Part:
    """One layer as it is written: "conv 32 3 padding 1"."""

    kind: str
    numbers: tuple[int, ...] = ()
    stride: int = 1
    padding: int = 0
    bias: bool = True

    def __str__(self) -> str:
        usual = self.numbers[0] if self.kind in ("pool", "average") else 1
        more = [f"stride {self.stride}"] * (self.stride != usual) + [f"padding {self.padding}"] * (self.padding > 0)
        return " ".join([self.kind, *map(str, self.numbers), *more, *["no bias"] * (not self.bias)])


@dataclass(frozen=True)
class Counted:
    """A layer with what it returns, what it learns and what it multiplies, for one image; buffers are not learnt."""

    text: str
    kind: str
    size: Size
    formula: str = ""
    parameters: int = 0
    outputs: int = 0
    multiply_adds: int = 0
    buffers: int = 0


def read_size(given: Given) -> Size:
    """Channels, rows and columns, or one number for a row of numbers."""
    found = tuple(whole(short(one), "input", 1, MOST) for one in row(given, "input"))
    if len(found) not in (1, 3):
        raise ValueError(f"input must be channels, rows and columns such as 1,28,28, or one number, got {len(found)}")
    return found


def read_parts(given: Given) -> tuple[Part, ...]:
    """Layers apart by semicolons, or a list of them."""
    found = given.split(";") if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(each, str) for each in found):
        raise ValueError(f"layers must be text such as 'conv 8 3; relu; linear 10', got {given!r:.60}")
    if not 1 <= len(found) <= MOST_LAYERS:
        raise ValueError(f"layers must be 1 to {MOST_LAYERS}, got {len(found)}")
    return tuple(map(_part, found))


def _part(text: str) -> Part:
    name, *words = text.replace("no bias", "no-bias").split() or [""]
    if name not in KINDS:
        raise ValueError(f"layers: unknown layer {name[:40]!r}; {choices(name, KINDS)}")
    asked, options = KINDS[name]
    numbers, rest, mistake = words[: len(asked)], words[len(asked) :], f"layers: {text.strip()!r}: write {_form(name)}"
    if len(numbers) < len(asked):
        raise ValueError(mistake)
    found = tuple(
        whole(one, f"layers: {text.strip()!r}: {what}", *RANGES.get(what, (1, MOST)))
        for one, what in zip(numbers, asked, strict=True)
    )
    given: dict[str, int] = {"stride": found[0] if name in ("pool", "average") else 1}
    said: set[str] = set()
    while rest:
        option = rest.pop(0)
        if option not in options or option in said or (option != "no-bias" and not rest):
            raise ValueError(mistake)
        said.add(option)
        if option != "no-bias":
            given[option] = whole(rest.pop(0), f"layers: {text.strip()!r}: {option}", *RANGES[option])
    return Part(name, found, given["stride"], given.get("padding", 0), "no-bias" not in said)


def _form(name: str) -> str:
    asked, options = KINDS[name]
    return " ".join([name, *asked, *("[no bias]" if one == "no-bias" else f"[{one} N]" for one in options)])


def counted(size: Size, parts: tuple[Part, ...]) -> Iterator[tuple[Counted, ...]]:
    """Of each part its layers: one, and of a residual block all that it is made of."""
    for part in parts:
        layers = tuple(_residual(size, part)) if part.kind == "residual" else (count(size, part),)
        yield layers
        size = layers[-1].size


def count(size: Size, part: Part) -> Counted:
    """One layer; ValueError where it does not fit to what comes in."""
    text, (first, *_) = str(part), (*part.numbers, 0)
    if part.kind == "linear":
        before, bias = prod(size), int(part.bias)
        formula, learnt = f"({before}+1)·{first}" if bias else f"{before}·{first}", (before + bias) * first
        return Counted(text, "linear", (first,), formula, learnt, first, before * first)
    if part.kind == "norm":
        return Counted(text, "norm", size, f"2·{size[0]}", 2 * size[0], buffers=2 * size[0] + 1)
    if part.kind in ("relu", "flatten"):
        return Counted(text, part.kind, (prod(size),) if part.kind == "flatten" else size)
    if len(size) != 3:
        raise ValueError(f"layers: {text!r} needs channels, rows and columns, and gets a row of {size[0]} numbers")
    side = part.numbers[-1]
    if side > min(size[1:]) + 2 * part.padding:
        raise ValueError(f"layers: {text!r} does not fit into the {spelt(size)} that it gets")
    rows, columns = ((each - side + 2 * part.padding) // part.stride + 1 for each in size[1:])
    if part.kind != "conv":
        return Counted(text, part.kind, (size[0], rows, columns))
    bias, outputs = int(part.bias), first * rows * columns
    formula = f"({size[0]}·{side}²+1)·{first}" if bias else f"{size[0]}·{side}²·{first}"
    learnt = (size[0] * side**2 + bias) * first
    return Counted(text, "conv", (first, rows, columns), formula, learnt, outputs, outputs * size[0] * side**2)


def _residual(size: Size, part: Part) -> Iterator[Counted]:
    """Two 3×3 convolutions with batch norm; where the width changes, stride 2, and a 1×1 projection beside them."""
    (width,) = part.numbers
    stride = 1 if size[:1] == (width,) else 2
    now = size
    for one in (
        *(Part("conv", (width, 3), stride, 1, bias=False), Part("norm"), Part("relu")),
        *(Part("conv", (width, 3), 1, 1, bias=False), Part("norm")),
    ):
        layer = count(now, one)
        yield layer
        now = layer.size
    if stride == 2:
        yield count(size, Part("conv", (width, 1), 2, bias=False))
        yield count(now, Part("norm"))
    yield count(now, Part("relu"))


def with_norms(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same with a batch norm after each pool that has none."""
    found: list[Part] = []
    for part, behind in zip(parts, (*parts[1:], None), strict=True):
        found.append(part)
        if part.kind == "pool" and (behind is None or behind.kind != "norm"):
            found.append(Part("norm"))
    return tuple(found)


def share(layers: list[Counted], kind: str, what: str) -> Fraction:
    """What the layers of a kind have of all `parameters`, `outputs` or `multiply_adds`; of nothing they have 0."""
    every = sum(getattr(layer, what) for layer in layers)
    return Fraction(sum(getattr(layer, what) for layer in layers if layer.kind == kind), every or 1)


def spelt(size: Size) -> str:
    """32×28×28."""
    return "×".join(map(str, size))

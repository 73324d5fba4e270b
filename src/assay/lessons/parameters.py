"""What a network learns and what it computes: parameters, outputs (neurons) and multiply-adds of each layer."""

from collections.abc import Iterator
from fractions import Fraction
from math import prod
from typing import Annotated

import torch
from torch import nn

from assay.lessons.paper.chain import Counted, Part, Size, count, counted, read_parts, read_size, share, spelt
from assay.lessons.paper.chain import with_norms as normed
from assay.lessons.paper.exercise import Dice, Exercise
from assay.lessons.paper.numbers import Given
from assay.lessons.paper.page import Lesson, Result, both
from assay.lessons.paper.sketch import Curve, Plane, Point, Sketch
from assay.models.layers import measure, shares
from assay.models.resnet14 import Block

CNN = "conv 32 3 padding 1; relu; pool 2; conv 32 3 padding 1; relu; pool 2; linear 500; relu; linear 10"
FORM = "layers apart by ; such as 'conv 8 3 stride 2 padding 1; relu; pool 2; linear 10'; also average, norm, residual"
KINDS = {"conv": ("convolution",), "linear": ("linear",), "norm": ("BatchNorm1d", "BatchNorm2d")}  # here: in the models
CLAIMED = {"conv": Fraction("1.12"), "linear": Fraction("98.8")}  # per cent, of CNN's parameters, by a source
COUNTS = ("parameters", "outputs", "multiply_adds")
Parts = tuple[tuple[Counted, ...], ...]


def parameters(
    *,
    input: Annotated[Given, "what comes in: channels, rows and columns, or one number"] = "1,28,28",
    layers: Annotated[Given, FORM] = CNN,
    seed: int = 0,
) -> Lesson:
    """Parameters, outputs and multiply-adds layer by layer, and why parameters are no neurons.

    residual CHANNELS is the block of resnet14. Raises ValueError where a layer is none, or does not fit.
    """
    size, parts = read_size(input), read_parts(layers)
    found = tuple(counted(size, parts))
    flat = [layer for part in found for layer in part]
    other = normed(parts)
    with_norms = tuple(counted(size, other)) if other != parts else ()
    learnt = sum(layer.parameters for layer in flat)
    return Lesson(
        "parameters",
        f"What {len(parts)} layers learn and compute, from {spelt(size)}: {_spaced(learnt)} parameters",
        {"input": tuple(map(Fraction, size)), "layers": tuple(map(str, parts))},
        (
            *_rules(),
            *_table(size, parts, found),
            *_shared(flat),
            *_claimed(size, parts, flat),
            *_with_norms(learnt, with_norms),
        ),
        _results(size, parts, found) | (_of_norms(size, other, with_norms) if with_norms else {}),
        _sketch(found),
        _exercises(Dice(seed, "parameters")),
    )


def _rules() -> Iterator[str]:
    example = count((3, 32, 32), Part("conv", (8, 3)))
    yield "Each layer for itself (in, out: channels, or numbers where there are no channels):"
    yield "  conv: (in·k²+1)·out, as each channel that goes out has a kernel of in·k² weights, and a bias"
    yield f"    so 3 channels to 8, 3×3: {example.formula} = {example.parameters}"
    yield "  linear: (in+1)·out; norm: 2·in, a scale and a shift; relu, pool, average, flatten: nothing to learn"
    yield "  outputs, which are called neurons: what a conv or a linear layer returns for one image"
    yield "  multiply-adds: each output of a conv takes in·k², each of a linear layer in"


def _table(size: Size, parts: tuple[Part, ...], found: Parts) -> Iterator[str]:
    rows: list[tuple[str, ...]] = [("", "layer", "output", "parameters", "outputs", "multiply-adds")]
    flat = [layer for part in found for layer in part]
    rows.append(("", "input", spelt(size), "", "", ""))
    for place, (part, layers) in enumerate(zip(parts, found, strict=True), 1):
        if len(layers) > 1:
            rows.append((str(place), str(part), spelt(layers[-1].size), "", "", ""))
        for layer in layers:
            name = ("", f"  {layer.text}") if len(layers) > 1 else (str(place), layer.text)
            learnt = f"{layer.formula} = {_spaced(layer.parameters)}" if layer.parameters else ""
            work = (_spaced(each) if each else "" for each in (layer.outputs, layer.multiply_adds))
            rows.append((*name, spelt(layer.size), learnt, *work))
    rows.append(("", "all", "", *(_spaced(sum(getattr(one, what) for one in flat)) for what in COUNTS)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            f"{cell:{'<' if n == 1 else '>'}{wide}}" for n, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}".rstrip()
    if buffers := sum(layer.buffers for layer in flat):
        yield f"  beside them {_spaced(buffers)} numbers in buffers: running means and variances, and how many batches"
        yield "  were seen. They are kept with the weights, but nobody learns them: they are no parameters"


def _shared(flat: list[Counted]) -> Iterator[str]:
    names = {"conv": "convolutions", "linear": "linear layers", "norm": "batch norms"}
    yield "What the kinds of layers have of all:"
    for kind in KINDS:
        if any(layer.kind == kind for layer in flat):
            learnt, neurons, work = (share(flat, kind, what) for what in COUNTS)
            yield (
                f"  {names[kind]}: {_percent(learnt)} of the parameters, {_percent(neurons)} of the outputs, "
                f"{_percent(work)} of the multiply-adds"
            )
    learnt, neurons = share(flat, "conv", "parameters"), share(flat, "conv", "outputs")
    if learnt != neurons:
        yield f"Right: convolutions have {_percent(neurons)} of the neurons; wrong, as in a source that calls weights"
        yield f"  neurons: {_percent(learnt)}. A kernel is used at every place of an image, a linear weight once"


def _claimed(size: Size, parts: tuple[Part, ...], flat: list[Counted]) -> Iterator[str]:
    """What a source says of the network that is this lesson's default."""
    if size != (1, 28, 28) or parts != read_parts(CNN):
        return
    conv, linear = CLAIMED.values()
    yield f"The same source: conv {float(conv)} %, linear {float(linear)} % of the parameters of this network,"
    right = (_percent(share(flat, kind, "parameters")) for kind in CLAIMED)
    yield f"  together {float(conv + linear)} %, and nothing else learns; right: conv {', linear '.join(right)}"


def _with_norms(learnt: int, found: Parts) -> Iterator[str]:
    if not found:
        return
    flat = [layer for part in found for layer in part]
    more = sum(layer.parameters for layer in flat)
    yield f"With a batch norm after each pool: {_spaced(more - learnt)} more, {_spaced(more)} parameters"
    yield f"  (and {_spaced(sum(layer.buffers for layer in flat))} numbers in buffers, which are none)"


def built(size: Size, parts: tuple[Part, ...]) -> nn.Sequential:
    """The network in torch, of parameters that have a size and no values."""
    with torch.device("meta"):
        found = []
        for part, layers in zip(parts, counted(size, parts), strict=True):
            found.append(_module(part, size))
            size = layers[-1].size
        return nn.Sequential(*found).eval()


def _module(part: Part, size: Size) -> nn.Module:
    first = part.numbers[0] if part.numbers else 0
    if part.kind == "conv":
        return nn.Conv2d(size[0], first, part.numbers[1], part.stride, part.padding, bias=part.bias)
    if part.kind == "linear":
        return nn.Sequential(nn.Flatten(), nn.Linear(prod(size), first, bias=part.bias))
    if part.kind == "norm":
        return nn.BatchNorm2d(size[0]) if len(size) == 3 else nn.BatchNorm1d(size[0])
    if part.kind == "residual":
        return Block(size[0], first)
    if part.kind in ("pool", "average"):
        return nn.MaxPool2d(first, part.stride) if part.kind == "pool" else nn.AvgPool2d(first, part.stride)
    return nn.ReLU() if part.kind == "relu" else nn.Flatten()


def _results(size: Size, parts: tuple[Part, ...], found: Parts) -> dict[str, Result]:
    """Beside what `assay model describe` measures; its layers are named after the part that they are in."""
    net, flat = built(size, parts), [layer for part in found for layer in part]
    measured = measure(net, torch.zeros(1, *size, device="meta"))
    own = [[layer for layer in measured if int(layer.name.split(".")[0]) == place] for place in range(len(parts))]
    sizes = tuple((*map(Fraction, layers[-1].size), Fraction(1), Fraction(1))[:3] for layers in found)
    results = {"output sizes": both(sizes, [[*_size(layers[-1].output), 1, 1][:3] for layers in own], 0)}
    for what in COUNTS:
        paper = tuple(Fraction(sum(getattr(layer, what) for layer in layers)) for layers in found)
        torches = [sum(getattr(layer, what) for layer in layers) for layers in own]
        results[f"{what.replace('_', '-')} of each layer"] = both(paper, torches, 0)
        results[f"{what.replace('_', '-')}"] = both(sum(paper, Fraction(0)), sum(torches), 0)
    buffers = sum(each.numel() for each in net.buffers())
    results["numbers in buffers"] = both(Fraction(sum(layer.buffers for layer in flat)), buffers, 0)
    of_all = shares(measured, sum(each.numel() for each in net.parameters()))
    for what in ("parameters", "outputs"):
        theirs = [sum(getattr(each, f"of_{what}") for each in of_all if each.kind in kinds) for kinds in KINDS.values()]
        results[f"shares of {what}"] = both(tuple(share(flat, kind, what) for kind in KINDS), theirs, 2)
    return results


def _of_norms(size: Size, parts: tuple[Part, ...], found: Parts) -> dict[str, Result]:
    own = sum(layer.parameters for layers in found for layer in layers)
    learnt = sum(each.numel() for each in built(size, parts).parameters())
    return {"parameters with batch norms": both(Fraction(own), learnt, 0)}


def _size(output: tuple[int, ...] | str) -> tuple[int, ...]:
    assert not isinstance(output, str)  # what is not called, or returns no tensor, is not in a chain
    return output


def _sketch(found: Parts) -> Sketch:
    """Bars, three for each layer that has anything."""
    totals = {what: sum(getattr(one, what) for part in found for one in part) or 1 for what in COUNTS}
    curves = []
    for place, what in enumerate(COUNTS):
        points: list[Point] = []
        for number, part in enumerate(found, 1):
            high = 100 * sum(getattr(one, what) for one in part) / totals[what]
            left = number - 0.36 + 0.24 * place
            points += [(left, 0.0), (left, high), (left + 0.24, high), (left + 0.24, 0.0)] if high else []
        curves.append(Curve(what.replace("_", "-"), tuple(points or [(1.0, 0.0)]), "area"))
    words = "What each layer has of all parameters, of all outputs and of all multiply-adds, in per cent."
    return Sketch(words, (Plane("What each layer has of all", "layer", "%", tuple(curves)),))


def _exercises(dice: Dice) -> tuple[Exercise, ...]:
    before, after = int(dice.whole(1, 16, "in")), 4 * int(dice.whole(2, 16, "out"))
    side, kernel = 4 * int(dice.whole(3, 12, "side")), 2 * int(dice.whole(1, 2, "kernel")) + 1
    size, neurons = (before, side, side), 10 * int(dice.whole(2, 30, "neurons"))
    conv = count(size, Part("conv", (after, kernel), 1, kernel // 2))
    linear = count(count(size, Part("pool", (2,), 2)).size, Part("linear", (neurons,)))
    learnt = [Fraction(each.parameters) for each in (conv, count(conv.size, Part("norm")), linear)]
    return (
        Exercise(f"{before} channels, conv {after} {kernel}: how many parameters? And the batch norm behind it?",
                 (learnt[0], learnt[1])),
        Exercise(f"an image of {spelt(size)}, pool 2, linear {neurons}: how many parameters has the linear layer?",
                 learnt[2]),
        Exercise(f"an image of {spelt(size)}, {conv.text}: how many outputs (neurons), how many multiply-adds?",
                 (Fraction(conv.outputs), Fraction(conv.multiply_adds))),
    )  # fmt: skip


def _spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.2f} %"

"""Layers whose answers have places: found by listening to one pass, and ordered as they are used."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay.chance import Draws
from assay.models.classifier import NO_GRADIENT
from assay.spec import choices

PROBES = 4  # images of noise: what is found belongs to the model, and to no image
TOKENS = 6  # that may stand before those of the image: one for the class, some more as registers
FOLLOWERS = ("torch.nn.modules.activation", "torch.nn.modules.batchnorm")  # their answer is the layer's before them
POOLS = "torch.nn.modules.pooling"
PASSED_OVER = (nn.LayerNorm, nn.Identity, nn.Dropout, nn.Dropout2d)


@dataclass(frozen=True)
class Form:
    """How an answer is to be read as (B, N, h, w): from (B, N, h, w), (B, h, w, N), or tokens (B, before + h·w, N)."""

    kind: str
    height: int
    width: int
    before: int = 0

    def read(self, answer: Tensor) -> Float[Tensor, "B N h w"]:
        if self.kind == "maps":
            return answer
        if self.kind == "tokens":
            answer = answer[:, self.before :].unflatten(1, (self.height, self.width))
        return answer.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Layer:
    """A module at one of its uses, counted from 1, and the form of its answer. heard: the logits change with it."""

    name: str
    module: nn.Module
    use: int
    form: Form
    heard: bool = True

    @property
    def title(self) -> str:
        return f"{self.name}, use {self.use}" if self.use > 1 else self.name


@dataclass(frozen=True)
class Heard:
    """An answer on its way: the layer, the tensors (by id) that came in, came out and went on, and what came out."""

    layer: Layer
    given: int
    answered: int
    passed: int
    answer: Tensor


def layers_with_places(network: nn.Module, shape: Sequence[int]) -> tuple[list[Layer], list[Layer]]:
    """The layers between pools that a person would choose from, in the order of use; and all that have places.

    shape is (C, H, W). ValueError if there are none, or the logits have no gradient.
    """
    device = next((tensor.device for tensor in network.parameters()), torch.device("cpu"))
    images = Draws(0, torch.arange(PROBES, device=device)).uniform(tuple(shape), "layers").requires_grad_()
    with torch.enable_grad(), _listening(network, images) as heard:
        logits = network(images)
        if not logits.requires_grad:
            raise ValueError(NO_GRADIENT)
        kinds = (logits.detach().argsort(1).argsort(1) + 1.0).to(logits)  # all classes, each with another weight
        answers = [one.answer for one in heard]
        moved = torch.autograd.grad((logits * kinds).sum(), answers, allow_unused=True) if answers else ()
    everything = [
        (one, Layer(one.layer.name, one.layer.module, one.layer.use, one.layer.form, _moves(one, gradient)))
        for one, gradient in zip(heard, moved, strict=True)
    ]
    return _chosen(network, everything), [layer for _, layer in everything]


def pick_layer(who: str, found: Sequence[Layer], everything: Sequence[Layer], layer: int | str | None) -> Layer:
    """The layer of that number, from 1, or name; None: the last of `found` that the logits hang on, place by place.

    ValueError if there is none.
    """
    if not found:
        raise ValueError(f"{who}: no layer of the model answers with places (channels × height × width, or tokens)")
    if layer is None:
        return next((one for one in reversed(found) if one.heard), found[-1])
    titles = {one.title: one for one in everything}
    if isinstance(layer, int):
        if not 1 <= layer <= len(found):
            listed = listing([one.title for one in found])
            raise ValueError(f"{who}: there is no layer {layer}, the model has {len(found)} with places: {listed}")
        return found[layer - 1]
    name = layer if layer in titles else f"net.{layer}"  # as the user's own network calls it
    if name not in titles:
        raise ValueError(f"{who}: no layer with places is called {layer!r}; {choices(name, [o.title for o in found])}")
    return titles[name]


def listing(titles: Sequence[str]) -> str:
    """All of a few, or the first and the last."""
    return ", ".join(titles if len(titles) <= 6 else [*titles[:2], "…", *titles[-3:]])


@contextmanager
def answer_of(layer: Layer) -> Iterator[list[Tensor]]:
    """While it lasts, what the layer answers at its use; a copy goes on, which what follows may change in place."""
    kept: list[Tensor] = []
    uses = 0

    def keep(_: nn.Module, __: Any, answer: Tensor) -> Tensor | None:
        nonlocal uses
        uses += 1
        if uses != layer.use:
            return None
        kept.append(answer)
        return answer.clone()

    handle = layer.module.register_forward_hook(keep)
    try:
        yield kept
    finally:
        handle.remove()


@contextmanager
def _listening(network: nn.Module, images: Tensor) -> Iterator[list[Heard]]:
    heard: list[Heard] = []
    uses: Counter[str] = Counter()
    kept: list[Tensor] = []  # so that no other tensor gets their ids

    def hook(name: str) -> Any:
        def hear(module: nn.Module, given: tuple[Any, ...], answer: Any) -> Tensor | None:
            uses[name] += 1
            form = form_of(answer, module, images) if isinstance(answer, Tensor) else None
            if form is None or not answer.requires_grad:
                return None
            passed = answer.clone()
            kept.append(passed)
            layer = Layer(name, module, uses[name], form)
            came = id(given[0]) if given and isinstance(given[0], Tensor) else 0
            heard.append(Heard(layer, came, id(answer), id(passed), answer))
            return passed

        return hear

    with ExitStack() as hooks:
        for name, part in network.named_modules():
            if name and not isinstance(part, torch.jit.ScriptModule):
                hooks.callback(part.register_forward_hook(hook(name)).remove)
        yield heard


def form_of(answer: Tensor, module: nn.Module, images: Float[Tensor, "B C H W"]) -> Form | None:
    """How an answer is to be read, if it has places that stand like those of the images."""
    height, width = images.shape[2:]
    if len(answer) != len(images) or not answer.is_floating_point():
        return None
    if answer.ndim == 4:
        first, last = ((answer.shape[1], answer.shape[2]), (answer.shape[2], answer.shape[3]))
        off = [abs(rows * width - columns * height) / (columns * height) for rows, columns in (first, last)]
        normed = any(
            isinstance(part, nn.LayerNorm) and part.normalized_shape == answer.shape[3:] for part in module.modules()
        )
        kind, (rows, columns) = ("places", first) if (off[0], not normed) < (off[1], normed) else ("maps", last)
        return Form(kind, rows, columns) if rows * columns > 1 else None
    if answer.ndim == 3:
        sides = [(-(-height // patch), -(-width // patch)) for patch in range(1, min(height, width) + 1)]
        sides += [(height // patch, width // patch) for patch in range(1, min(height, width) + 1)]
        grids = {rows * columns: (rows, columns) for rows, columns in sides if rows * columns > 1}
        before = next((n for n in range(TOKENS) if answer.shape[1] - n in grids), None)
        return None if before is None else Form("tokens", *grids[answer.shape[1] - before], before)
    return None


def _moves(one: Heard, gradient: Tensor | None) -> bool:
    return gradient is not None and bool(one.layer.form.read(gradient).any())


def _chosen(network: nn.Module, everything: Sequence[tuple[Heard, Layer]]) -> list[Layer]:
    """Without pools and what is inside a block; a norm or an activation stands for the layer before it."""
    hidden = tuple(f"{name}." for name in _blocks(network))
    found: list[tuple[Heard, Layer]] = []
    pooled: set[int] = set()
    for one, layer in everything:
        kind = type(layer.module).__module__
        if kind == POOLS or one.answered in pooled:
            pooled.add(one.passed)  # and a Sequential that ends with it
            continue
        if isinstance(layer.module, PASSED_OVER) or layer.name.startswith(hidden):
            continue
        before = found[-1][0].passed if found else -1
        if one.answered == before or (one.given == before and kind in FOLLOWERS):
            found.pop()
        found.append((one, layer))
    return [layer for _, layer in found]


def _blocks(network: nn.Module) -> Iterator[str]:
    """The names of what is built of several layers and used more than once: one step of the network, not many."""
    inner = {name: part for name, part in network.named_modules() if any(True for _ in part.children())}
    kinds = Counter(type(part) for part in inner.values() if not isinstance(part, nn.Sequential))
    return (name for name, part in inner.items() if kinds[type(part)] > 1)

"""Activations: what every convolution answers to an image, before the ReLU; and which filters never answer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from jaxtyping import Float, Float16, Int64
from torch import Tensor, nn

from assay.adversary.victim import Victim
from assay.explain import Explanation, method
from assay.explain.filters import convolutions
from assay.spec import Count

PIECE = 16  # images at a time: memory stays flat
LARGEST, SMALLEST = 65504.0, 2.0**-24  # that a float16 holds


@method(access="weights", kind="activations")
def activations(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    layer: Count | str | None = None,
) -> Explanation:
    """The outputs `(B, N, h, w)` of the convolutions as float16; a layer that is used twice is there twice.

    A filter is dead on these images if its output is at most 0 at every place of every image: a ReLU lets nothing of
    it through. layer is a number, a name, or None for all. ValueError if there is no such layer, or it is not used.
    """
    chosen = convolutions(victim.classifier, "activations", layer)
    pieces: dict[str, list[Tensor]] = {}
    for piece in images.split(PIECE):
        with torch.no_grad(), listening({title: part for title, _, part in chosen}) as heard:
            victim.classifier(piece)
        victim.forwards += len(piece)
        for title, output in heard.items():
            if output.ndim != 4 or len(output) != len(piece):
                got = f"{tuple(output.shape)} for {len(piece)} images"
                raise ValueError(f"activations: {title} gives {got}, (images, filters, height, width) wanted")
            pieces.setdefault(title, []).append(output)
    maps = {title: torch.cat(parts) for title, parts in pieces.items()}
    if not maps:
        raise ValueError(f"activations: the model does not use {', '.join(name for _, name, _ in chosen)}")
    names = {title: name for title, name, _ in chosen}
    words = (f"{title} ({names[title.partition(',')[0]]}): {_dead(found)}" for title, found in maps.items())
    return Explanation(maps, "output before the ReLU", words=tuple(words))


@contextmanager
def listening(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """What the layers put out meanwhile, in the order of use; nothing is left on them afterwards."""
    heard: dict[str, Tensor] = {}
    uses: Counter[str] = Counter()

    def listen(title: str, output: Tensor) -> None:
        uses[title] += 1
        again = f", use {uses[title]}" if uses[title] > 1 else ""
        heard[title + again] = _small(title, output)  # a copy: the ReLU may work in place

    hooks = []
    try:
        for title, layer in layers.items():
            hooks.append(layer.register_forward_hook(lambda _, __, output, title=title: listen(title, output)))
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _small(title: str, output: Float[Tensor, "*_"]) -> Float16[Tensor, "*_"]:
    """As float16; what is above 0 stays above it, and what is large is cut. ValueError if it is not finite."""
    if not output.isfinite().all():
        raise ValueError(f"activations: {title} gives NaN or infinity")
    small = output.clamp(-LARGEST, LARGEST).half()
    return torch.where(output > 0, small.clamp(min=SMALLEST), small).cpu()


def _dead(maps: Float16[Tensor, "B N h w"]) -> str:
    dead = int((maps <= 0).flatten(2).all(2).all(0).sum())
    return f"{dead} of {maps.shape[1]} filters dead on {len(maps)} image{'s' if len(maps) > 1 else ''}"

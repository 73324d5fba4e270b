"""Activations: what every convolution answers to an image, before the ReLU; and which filters never answer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float, Float16, Int64
from torch import Tensor, nn

from assay.adversary.victim import Victim
from assay.explain import Explanation, method
from assay.explain.filters import convolutions
from assay.spec import Count

RELUS = (nn.ReLU, nn.ReLU6)  # what lets nothing below 0 through
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

    Where a batch norm takes the output at once, it is the batch norm's. A filter is dead on these images if a ReLU
    takes that and it is at most 0 at every place of every image: nothing of it arrives. layer is a number, a name, or
    None for all. ValueError if there is no such layer, or it is not used.
    """
    chosen = convolutions(victim.classifier, "activations", layer)
    pieces: dict[str, list[Tensor]] = {}
    cut: set[str] = set()
    for piece in images.split(PIECE):
        with torch.no_grad(), Ear({part: title for title, _, part in chosen}).on(victim.classifier) as heard:
            victim.classifier(piece)
        victim.forwards += len(piece)
        cut |= heard.cut
        for title, output in heard.maps.items():
            if output.ndim != 4 or len(output) != len(piece):
                got = f"{tuple(output.shape)} for {len(piece)} images"
                raise ValueError(f"activations: {title} gives {got}, (images, filters, height, width) wanted")
            pieces.setdefault(title, []).append(output)
    maps = {title: torch.cat(parts) for title, parts in pieces.items()}
    if not maps:
        raise ValueError(f"activations: the model does not use {', '.join(name for _, name, _ in chosen)}")
    names = {title: name for title, name, _ in chosen}
    words = (
        f"{title} ({names[title.partition(',')[0]]}): {_dead(found, title in cut)}" for title, found in maps.items()
    )
    return Explanation(maps, "output before the ReLU", words=tuple(words))


class Ear:
    """Hears layers, by their titles: maps, what each put out in the order of use, and cut, whose output a ReLU took."""

    def __init__(self, layers: Mapping[nn.Module, str]) -> None:
        self.layers = layers
        self.maps: dict[str, Tensor] = {}
        self.cut: set[str] = set()
        self.uses: Counter[str] = Counter()
        self.passed: dict[int, str] = {}  # whose answer the tensor of that id is
        self.held: list[Tensor] = []  # so that no other tensor gets their ids

    @contextmanager
    def on(self, network: nn.Module) -> Iterator["Ear"]:
        """Nothing is left on the network afterwards."""
        with ExitStack() as hooks:
            for part in network.modules():
                if part in self.layers:
                    hooks.callback(part.register_forward_hook(self.put_out).remove)
                elif isinstance(part, nn.BatchNorm2d):
                    hooks.callback(part.register_forward_hook(self.normalised).remove)
                elif isinstance(part, RELUS):  # before it, as it may work in place
                    hooks.callback(part.register_forward_pre_hook(self.rectified).remove)
            yield self

    def put_out(self, layer: nn.Module, _: Any, output: Tensor) -> None:
        """A layer has answered."""
        title = self.layers[layer]
        self.uses[title] += 1
        self._keep(f"{title}, use {self.uses[title]}" if self.uses[title] > 1 else title, output)

    def normalised(self, _: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
        """A batch norm has taken something: of a layer's answer it makes another."""
        if given and id(given[0]) in self.passed:
            self._keep(self.passed[id(given[0])], output)

    def rectified(self, _: nn.Module, given: tuple[Any, ...]) -> None:
        """A ReLU takes something; if it works in place, that is no longer what the layer answered."""
        if given and id(given[0]) in self.passed:
            self.cut.add(self.passed.pop(id(given[0])))

    def _keep(self, title: str, output: Tensor) -> None:
        self.maps[title] = _small(title, output)  # a copy: the ReLU may work in place
        self.passed[id(output)] = title
        self.held.append(output)


def _small(title: str, output: Float[Tensor, "*_"]) -> Float16[Tensor, "*_"]:
    """As float16; what is above 0 stays above it, and what is large is cut. ValueError if it is not finite."""
    if not output.isfinite().all():
        raise ValueError(f"activations: {title} gives NaN or infinity")
    small = output.clamp(-LARGEST, LARGEST).half()
    return torch.where(output > 0, small.clamp(min=SMALLEST), small).cpu()


def _dead(maps: Float16[Tensor, "B N h w"], cut: bool) -> str:
    silent = int((maps <= 0).flatten(2).all(2).all(0).sum())
    images = f"{len(maps)} image{'s' if len(maps) > 1 else ''}"
    if cut:
        return f"{silent} of {maps.shape[1]} filters dead on {images}"
    return f"{silent} of {maps.shape[1]} filters nowhere above 0 on {images}; no ReLU layer takes them at once"

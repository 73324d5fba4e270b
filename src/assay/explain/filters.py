"""Filters: the weights of a convolution, which are the small patterns that it looks for."""

from typing import Annotated

from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.adversary.victim import Victim
from assay.explain import Explanation, method
from assay.spec import AtLeast, Count, choices


@method(access="weights", kind="filters")
def filters(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    layer: Count | str = 1,
    channel: Annotated[int, AtLeast(0)] | None = None,
) -> Explanation:
    """A layer's weights `(N, C, h, w)`: whole where they meet the image itself, else what they do to one channel.

    layer is a number, from 1 in the order of `named_modules`, or a name. channel is 0 if a deeper layer is asked
    for without one. ValueError if there is no such layer or channel.
    """
    title, name, convolution = convolutions(victim.classifier, "filters", layer)[0]
    weights = convolution.weight.detach().float()
    n, inputs, height, width = weights.shape
    if not weights.isfinite().all():
        raise ValueError(f"filters: {title} ({name}) has weights that are not finite")
    if channel is not None and channel >= inputs:
        channels = f"{inputs}, the input channels of {title} ({name})"
        raise ValueError(f"filters: channel must be below {channels}, got {channel}")
    first = convolution is convolutions(victim.classifier, "filters")[0][2]
    if channel is not None or not (first and inputs == images.shape[1] and inputs in (1, 3)):
        channel = channel or 0
        title += f", input channel {channel} of {inputs}"
        weights = weights[:, [channel]]
    words = f"{title} ({name}): {n} filters of {height}×{width}, weights {weights.min():.3g} to {weights.max():.3g}"
    return Explanation({title: weights}, "weight", words=(words,))


def convolutions(network: nn.Module, who: str, layer: int | str | None = None) -> list[tuple[str, str, nn.Conv2d]]:
    """The convolutions of a network, all or the one that is asked for: title ("conv 1"), name ("net.0") and module."""
    found = {name: part for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    if not found:
        raise ValueError(f"{who}: the model has no convolutions (torch.nn.Conv2d)")
    titled = [(f"conv {number}", name, part) for number, (name, part) in enumerate(found.items(), 1)]
    if layer is None:
        return titled
    if isinstance(layer, int):
        if not 1 <= layer <= len(found):
            first = [f"{title} ({name})" for title, name, _ in titled[:4]]
            listed = ", ".join(first + ["…"] * (len(titled) > 4))
            raise ValueError(f"{who}: there is no convolution {layer}, the model has {len(found)}: {listed}")
        return [titled[layer - 1]]
    name = layer if layer in found else f"net.{layer}"  # as the user's own network calls it
    if name not in found:
        raise ValueError(f"{who}: no convolution is called {layer!r}; {choices(layer, found)}")
    return [titled[list(found).index(name)]]

"""What stands for nothing in a picture: a colour, the picture's own mean, or the picture out of focus."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from assay.spec import Positive

Nothing = Positive | Literal["mean", "blur"] | tuple[Positive, ...]
SOFT = 8  # the blur's standard deviation is that part of the shorter side


def painted(who: str, images: Float[Tensor, "B C H W"], nothing: Nothing) -> Float[Tensor, "B C H W"]:
    """Pictures of nothing, one for each image: a grey level or colour in [0, 1], each channel's mean, or a blur.

    ValueError, beginning with `who`, if it is no colour, or none of these images.
    """
    if nothing == "mean":  # summed in float64, as the blur: the last bits do not tell how many images there are
        return images.double().mean((2, 3), keepdim=True).float().expand_as(images).contiguous()
    if nothing == "blur":
        height, width = images.shape[2:]
        spread = min(height, width) / SOFT
        down, across = (_weights(side, spread).to(images.device) for side in (height, width))
        return (down @ images.double() @ across.T).float().clamp(0, 1)
    assert not isinstance(nothing, str)
    numbers = nothing if isinstance(nothing, tuple) else (nothing,)
    if not all(0 <= number <= 1 for number in numbers):
        raise ValueError(f"{who} must be between 0 and 1, got {nothing}")
    channels = images.shape[1]
    if isinstance(nothing, tuple) and len(nothing) != channels:
        wanted = "1 number" if channels == 1 else f"{channels} numbers"
        raise ValueError(f"{who} must be a grey level or {wanted}, one a channel, got {len(nothing)}")
    return images.new_tensor(numbers)[:, None, None].expand_as(images).contiguous()


def spoken(nothing: Nothing) -> str:
    """In words."""
    named = {"mean": "the image's own mean", "blur": "the image out of focus", 0.0: "black", 1.0: "white"}
    return named.get(nothing, str(nothing)) if isinstance(nothing, str | float | int) else str(nothing)


def _weights(side: int, spread: float) -> Float[Tensor, "n n"]:
    """Row by row the Gaussian weights of all places; at the edge what would lie outside is left out."""
    place = torch.arange(side, dtype=torch.float64)
    weights = torch.exp(-(((place[:, None] - place) / spread) ** 2) / 2)
    return weights / weights.sum(1, keepdim=True)

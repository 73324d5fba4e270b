"""Noise of the sensor: a normal number added to every pixel."""

from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.corruptions import corruption


@corruption(amounts=(0.04, 0.06, 0.08, 0.09, 0.10), unit="standard deviation, pixels of [0, 1]")
def noise(images: Float[Tensor, "B C H W"], draws: Draws, amount: float) -> Float[Tensor, "B C H W"]:
    """Each pixel and channel with its own normal number of that standard deviation, clipped to [0, 1].

    The amounts of CIFAR-10-C (Hendrycks and Dietterich 2019, arXiv 1903.12261). A stronger noise is the same, larger.
    """
    return (images + amount * draws.normal(tuple(images.shape[1:]), "corruptions", "noise")).clamp(0, 1)

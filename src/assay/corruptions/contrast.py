"""Too little contrast: every pixel nearer to the mean of its image."""

from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.corruptions import corruption


@corruption(amounts=(0.25, 0.50, 0.60, 0.70, 0.85), unit="share of the contrast that is lost")
def contrast(images: Float[Tensor, "B C H W"], draws: Draws, amount: float) -> Float[Tensor, "B C H W"]:
    """Each channel drawn toward its own mean in that image by the share `amount`.

    What is left are the 0.75 to 0.15 of CIFAR-10-C (arXiv 1903.12261).
    """
    mean = images.double().mean((2, 3), keepdim=True).to(images)  # in float64: the same in any company
    return (images + amount * (mean - images)).clamp(0, 1)

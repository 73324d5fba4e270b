"""SmoothGrad: saliency, averaged over noisy copies of the image."""

from typing import Annotated

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.chance import Draws, named_by_pixels
from assay.explain import Explanation, Of, explained_class, finite, method
from assay.explain.walks import summed_gradients
from assay.spec import AtLeast, Count, Positive


@method(access="gradients", kind="maps")
def smoothgrad(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    samples: Count = 50,
    spread: Positive = 0.15,
    seed: Annotated[int, AtLeast(0)] = 0,
    of: Of = "predicted",
) -> Explanation:
    """|mean of ∂ logit / ∂ pixel over noisy copies|, the largest over the channels: saliency's scale and its limit.

    Smilkov et al. 2017, arXiv 1706.03825. spread is the noise's standard deviation as a share of the image's range,
    largest pixel less smallest; the copies may leave [0, 1], as the paper's. The class is that of the image without
    noise. The noise depends on seed and pixels alone: the same image has the same map everywhere.
    """
    explained = explained_class(victim, images, labels, of)
    draws = Draws(seed, named_by_pixels(images))
    deviation = spread * (images.amax((1, 2, 3), keepdim=True) - images.amin((1, 2, 3), keepdim=True))

    def noisy(rows: slice, number: int) -> Tensor:
        noise = draws[rows].normal(tuple(images.shape[1:]), "smoothgrad", number)
        return torch.addcmul(images[rows], deviation[rows], noise)

    mean = summed_gradients(victim, images, explained, [1 / samples] * samples, noisy)
    unit = f"logit of the class per pixel of [0, 1], mean of {samples} copies with noise of {spread:g} of the range"
    return Explanation({"smoothgrad": finite("smoothgrad", mean.abs().amax(1).float())}, unit, explained)

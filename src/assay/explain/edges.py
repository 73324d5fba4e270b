"""Edges: a control, which shows where the image changes and never asks the model why."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.explain import Explanation, Of, explained_class, method


@method(access="scores", kind="maps", control=True)
def edges(
    victim: Victim, images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"], *, of: Of = "predicted"
) -> Explanation:
    """How steep the image is at each pixel; the model says only which class that would explain.

    What Adebayo et al. 2018, arXiv 1810.03292, compare maps with: it looks like an explanation, and is none.
    """
    explained = explained_class(victim, images, labels, of)
    words = ("a control: an edge detector, which knows nothing of the model",)
    return Explanation({"edges": sobel(images)}, "pixels of [0, 1] per pixel", explained, words)


def sobel(images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B H W"]:
    """The length of Sobel's gradient, the largest over the channels; beyond the edge the image goes on as it ends."""
    across = images.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8
    planes = F.pad(images.flatten(0, 1)[:, None], (1, 1, 1, 1), mode="replicate")
    slopes = F.conv2d(planes, torch.stack([across, across.T])[:, None])
    return slopes.square().sum(1).sqrt().view(images.shape).amax(1)

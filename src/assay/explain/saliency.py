"""Saliency: how much each pixel moves the logit of the predicted class."""

from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import targeted
from assay.adversary.victim import Victim
from assay.explain import Explanation, method


@method(access="gradients", kind="maps")
def saliency(victim: Victim, images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"]) -> Explanation:
    """|∂ logit of the most confident class / ∂ pixel|, the largest over the channels.

    Simonyan et al. 2014, arXiv 1312.6034, §3.1.
    """
    explained = victim.logits(images).argmax(1)
    _, gradient = victim.gradient(images, targeted(explained, loss="logit"))
    return Explanation({"saliency": gradient.abs().amax(1)}, "logit per pixel of [0, 1]", explained)

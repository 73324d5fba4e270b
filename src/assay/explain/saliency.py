"""Saliency: how much each pixel moves the logit of a class."""

from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import targeted
from assay.adversary.victim import Victim
from assay.explain import Explanation, Of, explained_class, finite, method


@method(access="gradients", kind="maps")
def saliency(
    victim: Victim, images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"], *, of: Of = "predicted"
) -> Explanation:
    """|∂ logit / ∂ pixel|, the largest over the channels; of the most confident class if nobody says.

    Simonyan et al. 2014, arXiv 1312.6034, §3.1.
    """
    explained = explained_class(victim, images, labels, of)
    logits, gradient = victim.gradient(images, targeted(explained, loss="logit"), exact=True)
    finite("the model", logits)  # behind a ReLU the gradient hides what is NaN
    found = finite("saliency", gradient.abs().amax(1))
    return Explanation({"saliency": found}, "logit of the class per pixel of [0, 1]", explained)

"""Integrated gradients: what each pixel adds to a class's logit on the way from nothing to the image."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.explain import Explanation, Of, explained_class, finite, method
from assay.explain.baselines import Nothing, painted, spoken
from assay.explain.walks import summed_gradients
from assay.spec import Count


@method(access="gradients", kind="maps")
def integrated_gradients(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    steps: Count = 50,
    baseline: Nothing = 0.0,
    of: Of = "predicted",
) -> Explanation:
    """(image - baseline) · mean of ∂ logit / ∂ pixel along the straight line between them, summed over the channels.

    Sundararajan et al. 2017, arXiv 1703.01365, eq. 1. High speaks for the class, below 0 against it. The whole map sums
    to the logit's rise from baseline to image; what is missing, of too few steps, is in `numbers`. The gradients are
    taken in the middle of each step (docs/explaining.md says why). baseline is a grey level or colour in
    [0, 1], "mean" or "blur" of the image. ValueError if it does not suit the images.
    """
    nothing = painted("integrated_gradients: baseline", images, baseline)
    explained = explained_class(victim, images, labels, of)

    def between(rows: slice, number: int) -> Tensor:
        return torch.lerp(nothing[rows], images[rows], (number + 0.5) / steps)

    mean = summed_gradients(victim, images, explained, [1 / steps] * steps, between)
    found = ((images - nothing) * mean).sum(1)
    rise = _logit(victim, images, explained) - _logit(victim, nothing, explained)
    found, rise = finite("integrated_gradients", found), finite("integrated_gradients", rise)
    error = found.sum((1, 2)) - rise
    numbers = {"logit's rise": rise.float(), "completeness error": error.float()}
    unit = f"logit of the class, as far as each pixel raises it from {spoken(baseline)}"
    maps, words = {"integrated_gradients": found.float()}, _words(error, rise, steps)
    return Explanation(maps, unit, explained, words, numbers=numbers, adds_up_to=rise.float())


def _logit(victim: Victim, images: Float[Tensor, "B C H W"], classes: Int64[Tensor, "B"]) -> Float[Tensor, "B"]:
    return victim.logits(images).double().gather(1, classes[:, None])[:, 0]


def _words(error: Float[Tensor, "B"], rise: Float[Tensor, "B"], steps: int) -> tuple[str, ...]:
    """How far the maps are from complete; no images, no words."""
    if not len(error):
        return ()
    off, whole = error.abs(), rise.abs().mean()
    largest = f"the sum of a map misses the logit's rise by {off.mean():.2g} on average and {off.max():.2g} at most"
    return (f"completeness: {largest}; the rise is {whole:.2g} on average ({steps} steps)",)

"""Is there a gradient to follow? Where it is zero or no number, attacks along it stand still and all looks robust."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import excess, gradients_of, share

MANY = 0.1  # of the images: a usual net has none without a gradient of the margin, or a stray one


@check("gradients")
def gradients(case: Case) -> Finding:
    """Share of the images with a zero or NaN gradient of ce and of the margin, at the image and at a random start.

    Only what the margin has not is red: a zero gradient of ce alone is for `saturation` to judge. Sources: Carlini et
    al. 2019, arXiv 1902.06705, §5.3; Pintor et al. 2022, arXiv 2106.09947, indicator "zero gradients".
    """
    start = case.threat.start(case.images, case.draws.uniform(case.images.shape[1:], "gradients"))
    evidence, worst = {}, {"zero": 0, "nan": 0}
    for place, points in (("clean", case.images), ("start", start)):
        for loss, gradient in gradients_of(case, points)[1].items():
            for what, rows in (("zero", is_zero(gradient)), ("nan", is_lost(gradient))):
                evidence[f"{what}_{loss}_{place}"] = share(rows)
                if loss == "margin" or what == "nan":
                    worst[what] = max(worst[what], int(rows.sum()))
    n = len(case.images)
    for what, word in (("nan", "is not a number"), ("zero", "is zero")):
        light = excess(worst[what], n, MANY)
        if light != "green":
            said = f"at {worst[what]} of {n} images the gradient {word}: attacks that follow it stand still there"
            return found(light, said, **evidence)
    quiet = max(evidence["zero_ce_clean"], evidence["zero_ce_start"])
    apart = f", but that of cross-entropy is zero at {quiet:.0%}" if quiet else ""
    return found("green", f"the margin has a gradient at nearly all of {n} images{apart}", **evidence)


def is_zero(gradient: Float[Tensor, "B pixels"]) -> Bool[Tensor, "B"]:
    """Where not one pixel matters."""
    return (gradient == 0).all(1)


def is_lost(gradient: Float[Tensor, "B pixels"]) -> Bool[Tensor, "B"]:
    """Where some pixel's gradient is NaN or infinite."""
    return ~torch.isfinite(gradient).all(1)

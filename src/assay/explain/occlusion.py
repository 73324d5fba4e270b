"""Occlusion: what the network says when a patch is covered, for each place of the patch."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim, predicted
from assay.explain import Explanation
from assay.spec import Count, Positive


def occlusion(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    patch: Count = 10,
    stride: Count = 2,
    colour: Positive = 0.0,
) -> Explanation:
    """Two maps, a value for each place of the patch: the label's probability, and the predicted class.

    Zeiler and Fergus 2014, arXiv 1311.2901, §4.2. colour is in [0, 1]. Row 0 is the top of the image.
    ValueError if the patch is larger than the image.
    """
    height, width = images.shape[2:]
    if patch > min(height, width) or colour > 1:
        raise ValueError(f"occlusion: patch {patch} and colour {colour} must fit into {height}×{width} and [0, 1]")
    tops, lefts = range(0, height - patch + 1, stride), range(0, width - patch + 1, stride)
    probability = images.new_empty(len(images), len(tops), len(lefts))
    classes = torch.empty_like(probability, dtype=torch.int64)
    for row, top in enumerate(tops):  # a row of places at a time: memory stays flat
        covered = images[:, None].repeat(1, len(lefts), 1, 1, 1)
        for place, left in enumerate(lefts):
            covered[:, place, :, top : top + patch, left : left + patch] = colour
        logits = victim.logits(covered.flatten(0, 1)).unflatten(0, (len(images), len(lefts)))
        probability[:, row] = logits.softmax(2).gather(2, labels[:, None, None].expand(-1, len(lefts), 1))[..., 0]
        classes[:, row] = predicted(logits.flatten(0, 1)).unflatten(0, (len(images), len(lefts)))
    return Explanation({"probability": probability, "class": classes}, labels, "probability of the label")

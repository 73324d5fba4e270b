"""Occlusion: what the network says when a patch is covered, for each place of the patch."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim, predicted
from assay.explain import Explanation, Of, explained_class, method
from assay.spec import Count, Positive


@method(access="scores", kind="maps", important="low")
def occlusion(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    patch: Count = 10,
    stride: Count = 2,
    colour: Positive | tuple[Positive, ...] = 0.0,
    of: Of = "label",
) -> Explanation:
    """Two maps, a value for each place of the patch: a class's probability, and the predicted class.

    Zeiler and Fergus 2014, arXiv 1311.2901, §4.2. colour is in [0, 1], a grey level or a number for each channel.
    Row 0 is the top of the image. ValueError if the patch or the colour does not suit the images.
    """
    height, width = images.shape[2:]
    if patch > min(height, width):
        raise ValueError(f"occlusion: patch {patch} must fit into the image, {height}×{width}")
    paint, explained = _paint(images, colour), explained_class(victim, images, labels, of)
    tops, lefts = range(0, height - patch + 1, stride), range(0, width - patch + 1, stride)
    probability = images.new_empty(len(images), len(tops), len(lefts))
    classes = torch.empty_like(probability, dtype=torch.int64)
    for row, top in enumerate(tops):  # a row of places at a time: memory stays flat
        covered = images[:, None].repeat(1, len(lefts), 1, 1, 1)
        for place, left in enumerate(lefts):
            covered[:, place, :, top : top + patch, left : left + patch] = paint
        logits = victim.logits(covered.flatten(0, 1)).unflatten(0, (len(images), len(lefts)))
        probability[:, row] = logits.softmax(2).gather(2, explained[:, None, None].expand(-1, len(lefts), 1))[..., 0]
        classes[:, row] = predicted(logits.flatten(0, 1)).unflatten(0, (len(images), len(lefts)))
    about = "the label" if of == "label" else "the class"
    unit = f"probability of {about}, while {patch}×{patch} pixels are covered with {colour}"
    return Explanation({"probability": probability, "class": classes}, unit, explained, window=(patch, stride))


def _paint(images: Float[Tensor, "B C H W"], colour: float | tuple[float, ...]) -> Float[Tensor, "c 1 1"]:
    """The colour of a covered pixel; ValueError if it is none, or none of these images."""
    numbers = colour if isinstance(colour, tuple) else (colour,)
    if not all(0 <= number <= 1 for number in numbers):
        raise ValueError(f"occlusion: colour must be between 0 and 1, got {colour}")
    channels = images.shape[1]
    if isinstance(colour, tuple) and len(colour) != channels:
        wanted = "1 number" if channels == 1 else f"{channels} numbers"
        raise ValueError(f"occlusion: colour must be a grey level or {wanted}, one a channel, got {len(colour)}")
    return images.new_tensor(numbers)[:, None, None]

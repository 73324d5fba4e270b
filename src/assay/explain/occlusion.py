"""Occlusion: what the network says when a patch is covered, for each place of the patch."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim, predicted
from assay.explain import Explanation, Of, explained_class, finite, method
from assay.explain.baselines import Nothing, painted, spoken
from assay.spec import Count

AT_ONCE = 128  # covered images: memory stays flat


@method(access="scores", kind="maps", important="low")
def occlusion(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    patch: Count = 10,
    stride: Count = 2,
    colour: Nothing = 0.0,
    of: Of = "label",
) -> Explanation:
    """Two maps, a value for each place of the patch: a class's probability, and the predicted class.

    Zeiler and Fergus 2014, arXiv 1311.2901, §4.2. colour is in [0, 1], a grey level or a number for each channel, or
    "mean" or "blur": what the image is on average, or out of focus. Row 0 is the top of the image. ValueError if the
    patch or the colour does not suit the images.
    """
    height, width = images.shape[2:]
    if patch > min(height, width):
        raise ValueError(f"occlusion: patch {patch} must fit into the image, {height}×{width}")
    paint, explained = painted("occlusion: colour", images, colour), explained_class(victim, images, labels, of)
    # A patch that changes nothing, as black on black, is not asked about: it leaves the answer to the whole image.
    places = F.max_pool2d((images != paint).float().amax(1, keepdim=True), patch, stride)[:, 0] > 0
    whole = victim.logits(images)
    sure = whole.softmax(1).gather(1, explained[:, None])[:, :, None]
    probability = sure.expand(places.shape).clone()
    classes = predicted(whole)[:, None, None].expand(places.shape).clone()
    for some in places.nonzero().split(AT_ONCE):
        image, row, column = some.unbind(1)
        window = (
            _window(row * stride, patch, height)[:, None, :, None]
            & _window(column * stride, patch, width)[:, None, None]
        )
        logits = victim.logits(torch.where(window, paint[image], images[image]))
        probability[image, row, column] = logits.softmax(1).gather(1, explained[image, None])[:, 0]
        classes[image, row, column] = predicted(logits)
    about = "the label" if of == "label" else "the class"
    unit = f"probability of {about}, while {patch}×{patch} pixels are covered with {spoken(colour)}"
    maps = {"probability": finite("occlusion", probability), "class": classes}
    return Explanation(maps, unit, explained, window=(patch, stride))


def _window(start: Int64[Tensor, "n"], patch: int, side: int) -> Bool[Tensor, "n side"]:
    """Which of the places of a side lie in the patch."""
    place = torch.arange(side, device=start.device)
    return (place >= start[:, None]) & (place < start[:, None] + patch)

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
    asked, n = torch.cat([_outside(images), places.nonzero()]), len(images)
    logits = torch.cat(
        [victim.logits(_covered(images, paint, some, patch, stride)) for some in asked.split(AT_ONCE)]
    )  # of the whole images first: so they fill no pass of their own
    sure, said = logits.softmax(1).gather(1, explained[asked[:, 0], None])[:, 0], predicted(logits)
    probability, classes = (found[:n, None, None].expand(places.shape).clone() for found in (sure, said))
    probability[asked[n:].unbind(1)], classes[asked[n:].unbind(1)] = sure[n:], said[n:]
    about = "the label" if of == "label" else "the class"
    unit = f"probability of {about}, while {patch}×{patch} pixels are covered with {spoken(colour)}"
    maps = {"probability": finite("occlusion", probability), "class": classes}
    return Explanation(maps, unit, explained, window=(patch, stride))


def _outside(images: Float[Tensor, "B C H W"]) -> Int64[Tensor, "B 3"]:
    """For each image a place of the patch that is so far off that it covers nothing."""
    far = torch.full((len(images),), max(images.shape[2:]), device=images.device)
    return torch.stack([torch.arange(len(images), device=images.device), far, far], 1)


def _covered(
    images: Float[Tensor, "B C H W"],
    paint: Float[Tensor, "B C H W"],
    asked: Int64[Tensor, "n 3"],
    patch: int,
    stride: int,
) -> Float[Tensor, "n C H W"]:
    """The images of these rows: image, row and column of the patch, which is painted over it."""
    image, row, column = asked.unbind(1)
    height, width = images.shape[2:]
    down, across = _window(row * stride, patch, height), _window(column * stride, patch, width)
    return torch.where(down[:, None, :, None] & across[:, None, None], paint[image], images[image])


def _window(start: Int64[Tensor, "n"], patch: int, side: int) -> Bool[Tensor, "n side"]:
    """Which of the places of a side lie in the patch."""
    place = torch.arange(side, device=start.device)
    return (place >= start[:, None]) & (place < start[:, None] + patch)

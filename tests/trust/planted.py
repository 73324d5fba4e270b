"""A model whose reasons are known, and maps that are true of it, or false in one way each."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from assay.adversary.goal import targeted
from assay.chance import Draws
from assay.data import ImageSet
from assay.explain import Explanation, explained_class, method
from assay.explain.random_map import random_map
from assay.explain.saliency import saliency
from assay.models.classifier import Classifier
from assay.spec import Call

SIDE = 12
GREY = 128 / 255
CHEQUERED = 1.0 - 2.0 * ((torch.arange(SIDE)[:, None] + torch.arange(SIDE)) % 2)


def net(channels=1):
    """Each of three classes looks for a chequered pattern in a third of the image of its own; grey means nothing."""
    linear = nn.Linear(channels * SIDE * SIDE, 3, bias=False)
    weights = torch.zeros(3, channels, SIDE, SIDE)
    for number in range(3):
        third = slice(4 * number, 4 * number + 4)
        drawn = torch.rand(channels, SIDE, 4, generator=torch.Generator().manual_seed(number))
        weights[number, :, :, third] = (0.2 + drawn) * CHEQUERED[:, third] / channels
    linear.weight.data = weights.flatten(1)
    layers, names = nn.Sequential(nn.Flatten(), linear), ["0", "1", "2"]
    return Classifier(layers, "test", (channels, SIDE, SIDE), names, [GREY] * channels, [1.0] * channels).eval()


def pictures(n=32, channels=1):
    """Pixels a little lighter or darker than grey: in the third of the label chequered, elsewhere by chance."""
    sign = torch.rand(n, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(5)).sub(0.5).sign()
    labels = torch.arange(n) % 3
    for number in range(n):
        third = slice(4 * labels[number], 4 * labels[number] + 4)
        sign[number, :, :, third] = CHEQUERED[:, third]
    pixels = (255 * GREY + 50 * sign).to(torch.uint8)
    return ImageSet("thirds", "test", ("0", "1", "2"), pixels, labels, torch.arange(n))


def call(find, important="high", promise=False):
    """A method out of a function (victim, images, classes) -> map, asked as if from the command line."""

    @method(access="gradients", kind="maps", important=important)
    def planted(victim, images, labels, *, of="predicted"):
        explained = explained_class(victim, images, labels, of)
        found = find(victim, images, explained)
        logits = victim.logits(images) - victim.logits(torch.full_like(images, GREY))
        change = logits.gather(1, explained[:, None])[:, 0] if promise else None
        return Explanation({"map": found}, "unit", explained, adds_up_to=change)

    return Call("planted", planted, {})


def gradient(victim, images, classes):
    return victim.gradient(images, targeted(classes, loss="logit"))[1]


def pattern(images):
    """Where it is chequered, which an eye can see without the model."""
    return F.avg_pool2d(((images - GREY) * CHEQUERED).mean(1, keepdim=True), 3, 1, 1)[:, 0]


def shaky(slopes, images):
    """The reasons, and more of what changes with every breath."""
    return grain(images + slopes) + 0.2 * (slopes != 0).float().amax(1)


def grain(images):
    """Numbers from 0 to 1 that change altogether with the last bits of a picture."""
    keys = (images * 65536).long().flatten(1) * torch.arange(1, images[0].numel() + 1)
    return Draws(3, keys.sum(1)).uniform(images.shape[2:], "grain")


TRUE = {
    "saliency": Call("saliency", saliency, {}),
    "exact": call(lambda v, x, c: (gradient(v, x, c) * (x - GREY)).sum(1), "size", promise=True),
    "where it is low": call(lambda v, x, c: -gradient(v, x, c).abs().amax(1), "low"),
}
FALSE = {  # of each the checks that must name it, and those that it must pass
    "constant": (call(lambda v, x, c: torch.ones_like(x[:, 0])), {"deletion", "insertion", "randomisation"}, set()),
    "random": (Call("random_map", random_map, {}), {"deletion", "randomisation", "stability"}, set()),
    "of another class": (
        call(lambda v, x, c: gradient(v, x, (c + 1) % 3).abs().amax(1)),
        {"deletion", "insertion"},
        {"randomisation", "stability"},
    ),
    "of the image alone": (call(lambda v, x, c: pattern(x)), {"randomisation"}, {"deletion", "insertion", "stability"}),
    "inverted": (
        call(lambda v, x, c: -gradient(v, x, c).abs().amax(1)),
        {"deletion", "insertion"},
        {"randomisation", "stability"},
    ),
    "shaky": (call(lambda v, x, c: shaky(gradient(v, x, c), x)), {"stability"}, {"randomisation"}),
    "half": (
        call(lambda v, x, c: (gradient(v, x, c) * (x - GREY)).sum(1) / 2, "size", promise=True),
        {"completeness"},
        {"deletion", "insertion", "randomisation", "stability"},
    ),
}


def verdicts(found):
    return {one["check"]: one["verdict"] for one in found["checks"]}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)

"""Random map: a control, which has no reason at all."""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.chance import Draws
from assay.explain import Explanation, Of, explained_class, method

FINE = 1 << 16  # levels of a pixel that make another picture


@method(access="scores", kind="maps", control=True)
def random_map(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    seed: int = 0,
    of: Of = "predicted",
) -> Explanation:
    """Uniform numbers in [0, 1), one a pixel: of a picture always the same, wherever it stands, whatever the model."""
    explained = explained_class(victim, images, labels, of)
    drawn = Draws(seed, _key(images)).uniform(images.shape[2:], "random_map")
    words = ("a control: random numbers, which know nothing of image or model",)
    return Explanation({"random": drawn}, "no unit: random numbers", explained, words)


def _key(images: Float[Tensor, "B C H W"]) -> Int64[Tensor, "B"]:
    """A number for each picture: sums of whole numbers, which no order and no device changes."""
    weights = Draws(0, torch.zeros(1, dtype=torch.int64, device=images.device)).bits(images.shape[1:], "picture")
    return ((images * FINE).round().long() * weights).flatten(1).sum(1)

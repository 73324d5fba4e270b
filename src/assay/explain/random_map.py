"""Random map: a control, which has no reason at all."""

from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.chance import Draws, named_by_pixels
from assay.explain import Explanation, Of, explained_class, method


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
    drawn = Draws(seed, named_by_pixels(images)).uniform(images.shape[2:], "random_map")
    words = ("a control: random numbers, which know nothing of image or model",)
    return Explanation({"random": drawn}, "no unit: random numbers", explained, words)

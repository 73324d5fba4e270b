"""The blend: each image is half clean, half adversarial, and so trains on half the eps."""

from assay.attacks.pgd import pgd
from assay.spec import Call, Count
from assay.train.methods import Fit
from assay.train.methods.batch import Batch


def blend(batch: Batch, *, steps: Count = 3, clean: float = 0.5) -> Fit:
    """Learn from clean · x + (1 - clean) · x', with x' from PGD at eps; then nothing beyond (1 - clean) · eps is seen.

    What some courses call adversarial training: a mixture of pixels, where Goodfellow et al. 2015 (arXiv 1412.6572,
    §6) mix losses.
    """
    if not 0 <= clean <= 1:
        raise ValueError(f"blend: clean must be between 0 and 1, got {clean}")
    points = clean * batch.pixels + (1 - clean) * batch.craft(Call("pgd", pgd, {"steps": steps}))

    return batch.learning(points)

"""Does an image get the same answer alone, in another order, and among fewer? If not, its neighbours were attacked."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from assay.evaluate.checks import Case, Finding, check, found, spread
from assay.evaluate.checks.probes import of, share

CLOSE = 1e-3  # of the spread of the logits: sums in another order differ in the last bits, by some 1e-6 of it
MANY = 0.1  # of the images: those that moved by more; a model that jumps may carry a stray one over an edge
ALONE = 8  # images asked one by one
SOME = 7  # images in a smaller batch


@check("scores", "stillness")
def batch_independence(case: Case) -> Finding:
    """Batch norm that has stayed in train mode, mostly (the commonest fault of evaluations: AutoAttack, issue 74)."""
    before = [(name, buffer.clone()) for name, buffer in case.classifier.named_buffers()]
    try:
        moved = company(case.classifier, case.images)
    except Exception as error:  # what batch norm does in train mode with one value
        return found("red", f"an image alone gets no answer ({error}): the model looks at the whole batch")
    buffers = dict(case.classifier.named_buffers())
    learnt = [name for name, buffer in before if not torch.equal(buffer, buffers[name])]
    evidence = {name: share(rows) for name, rows in moved.items()}
    worst = max(moved, key=lambda name: evidence[name])
    if evidence[worst] > MANY:
        said = f"{of(moved[worst], len(moved[worst]))} images get other logits {worst}: each depends on its neighbours"
        return found("red", said, **evidence)
    if learnt:
        return found("red", f"{learnt[0]} has changed by asking: the model is still learning", **evidence)
    return found("green", "an image gets the same answer alone, in another order, and among fewer", **evidence)


def company(ask: Callable[[Tensor], Tensor], images: Float[Tensor, "B C H W"]) -> dict[str, Bool[Tensor, "N"]]:
    """Which images' logits are others than in the whole batch: alone, in another order, and among fewer."""
    with torch.no_grad():
        whole = ask(images)
        others = {
            "alone": torch.cat([ask(image[None]) for image in images[:ALONE]]),
            "in another order": ask(images.flip(0)).flip(0),
            "among fewer": torch.cat([ask(part) for part in images[: 3 * SOME].split(SOME)]),
        }
    size = CLOSE * spread(whole)
    return {name: ~((whole[: len(other)] - other).abs().amax(1) <= size) for name, other in others.items()}

"""Are the answers logits? On probabilities, the losses that attacks climb are flat, and cannot be told from safety."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from assay.evaluate.checks import Case, Finding, check, found
from assay.evaluate.checks.probes import share

Scale = Literal["logits", "probabilities", "log-probabilities"]
SUM = 1e-3  # how far from 1 the sum of probabilities may be: half precision rounds so
SIGN = 1e-6  # how far below 0 a probability may be
CERTAIN = 1 - 1e-6


@check("scores")
def logits_or_probabilities(case: Case) -> Finding:
    """AutoAttack's flag (Croce and Hein 2020, flags_doc.md); log-probabilities differ from logits by a shift only."""
    scale, certain = kind_of(case.logits), share(case.logits.softmax(1).amax(1) > CERTAIN)
    if scale == "probabilities":
        sure = share(case.logits.amax(1) > CERTAIN)
        said = f"the model returns probabilities, {sure:.0%} of them 1: cross-entropy of these is nearly flat"
        return found("red", f"{said}. Take the softmax off its end", certain=sure)
    return found("green", f"the answers are {scale}", certain=certain)


def kind_of(logits: Float[Tensor, "B K"]) -> Scale:
    """What a model's answers are: probabilities and their logarithms both sum to 1, each in its own way."""
    if bool((logits >= -SIGN).all()) and bool(((logits.sum(1) - 1).abs() < SUM).all()):
        return "probabilities"
    if bool((logits <= SIGN).all()) and bool((logits.logsumexp(1).abs() < SUM).all()):
        return "log-probabilities"
    return "logits"

"""Deletion: does the answer fall faster when the map's pixels go first?"""

import torch

from assay.trust import Arrays, Case
from assay.trust.curves import curves


def deletion(case: Case) -> Arrays:
    """The probability of the explained class, `(B, STEPS + 1)`, while pixels go, the most important first.

    Petsiuk et al. 2018, arXiv 1806.07421, §3.2. A pixel that is gone has the colour that the network takes for nothing.
    """
    colour = case.colour()
    return curves(case, "deletion", lambda order, count: torch.where(order < count, colour, case.images))

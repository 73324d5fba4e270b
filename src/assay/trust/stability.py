"""Stability: is it the same map when the image moves by less than an eye can see?"""

import numpy as np

from assay.trust import Arrays, Case
from assay.trust.maps import alike, importance

NOISE = 2 / 255
TIMES = 2


def stability(case: Case) -> Arrays:
    """How alike each image's map is `(b, TIMES)` to those of the image with uniform noise within NOISE.

    After max-sensitivity, Yeh et al. 2019, arXiv 1901.09392, definition 2. The class explained stays the same.
    Differs: rank correlation instead of a norm of the difference, so that maps in any unit can be compared.
    """
    few = case.few
    before = importance(few.found, few.facts.important)
    columns = []
    for time in range(TIMES):
        noise = few.draws.uniform(few.images.shape[1:], "noise", time) * 2 - 1
        again = few.again((few.images + NOISE * noise).clamp(0, 1))
        columns.append(alike(before, importance(again, few.facts.important)))
    return {"stability": np.stack(columns, 1)}

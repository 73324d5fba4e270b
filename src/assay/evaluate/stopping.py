"""How many images are enough: look, count, and stop when the interval is as narrow as was asked for."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from assay.chance import permutation
from assay.data import ImageSet
from assay.evaluate.robust import Evaluation, Plan, derive, merged
from assay.tally import stands
from assay.tally.interval import NORMAL, wilson

FIRST_LOOK = 100  # images: of fewer, an interval that happens to be narrow says little
GROWTH = 1.25  # a look at least so much later than the last: many looks are many chances to stop on a lucky one


def enough(n: int, count: int, half_width: float) -> bool:
    """Whether the Wilson 95 % interval of count among n is at most half_width to each side, on average."""
    low, high = wilson(count / n, n)
    return (high - low) / 2 <= half_width


def needed(share_: float, half_width: float) -> int:
    """About how many images that takes where the true share is this: half of it is the most that can be needed."""
    spread = max(share_ * (1 - share_), 0.01)  # of a share near 0 or 1 the interval is still some width
    return math.ceil(spread * (NORMAL / half_width) ** 2)


def looks(most: int, half_width: float, count: Callable[[int], int]) -> Iterator[int]:
    """The numbers of images at which one looks; the last is the one to stop at. `count(n)` is asked after each."""
    n = min(FIRST_LOOK, most)
    while True:
        yield n
        found = count(n)
        if n == most or enough(n, found, half_width):
            return
        n = min(most, max(math.ceil(GROWTH * n), needed(found / n, half_width)))


def evaluate_until(
    images: ImageSet, plan: Plan, half_width: float, run: Callable[[ImageSet], Evaluation]
) -> tuple[ImageSet, Evaluation]:
    """Evaluate ever more images, drawn at random, until robust accuracy at the threat's eps is known that well.

    `run` evaluates images of its own; none is asked for twice. Returns the images, in their order, and their
    evaluation. The interval's coverage under this rule is simulated in the tests.
    """
    assert isinstance(plan.threat.eps, float)
    order = permutation(len(images), plan.seed, "sample")
    parts: list[Evaluation] = []
    labels, eps = [str(attack) for attack in plan.attacks], plan.threat.eps

    def count(_: int) -> int:
        return sum(int(stands(part.table, labels, plan.epsilons, eps).sum()) for part in parts)

    taken = 0
    for n in looks(len(images), half_width, count):
        parts.append(run(images.rows(order[taken:n].sort().values)))
        taken = n
    evaluation = in_order(merged(parts))
    derive(evaluation.table, plan)
    return images.drawn(taken, plan.seed), evaluation


def in_order(evaluation: Evaluation) -> Evaluation:
    """The same with rows and proofs by index."""
    rows, proofs = np.argsort(evaluation.table["index"]), np.argsort(evaluation.proof["index"])
    table = {name: column[rows] for name, column in evaluation.table.items()}
    return replace(evaluation, table=table, proof={name: each[proofs] for name, each in evaluation.proof.items()})

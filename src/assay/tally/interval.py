"""The interval of a share."""

from math import sqrt

NORMAL = 1.959963984540054  # standard deviations to each side that hold 95 %


def wilson(mean: float, n: int) -> tuple[float, float]:
    """The 95 % interval of n answers of yes or no, of which a share `mean` were yes (Wilson 1927). ValueError for none.

    scipy.stats.binomtest gives the same after a thousand times as long: it counts a p-value first that nobody reads.
    """
    if n < 1:
        raise ValueError(f"an interval is of at least one answer, got {n}")
    square = NORMAL**2 / n
    centre = (mean + square / 2) / (1 + square)
    half = NORMAL * sqrt(mean * (1 - mean) / n + square / (4 * n)) / (1 + square)
    return centre - half if mean > 0 else 0.0, centre + half if mean < 1 else 1.0

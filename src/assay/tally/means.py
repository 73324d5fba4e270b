"""Means of shares, and two answers about the same images, with intervals and tests."""

from typing import Any

import numpy as np
from scipy import stats

from assay.tally.interval import NORMAL, wilson
from assay.tally.table import share


def mean_of(values: np.ndarray) -> dict[str, Any]:
    """n, the mean of values of [0, 1] as `share`, and Wilson's interval, which is never too narrow for such a mean:
    their variance is at most that of as many answers of yes or no."""
    n, mean = len(values), float(values.mean())
    low, high = wilson(mean, n)
    return {"n": n, "share": mean, "low": low, "high": high}


def paired(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Two yes/no answers on the same images, and McNemar's exact test of whether one is more often yes."""
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    changed = gained + lost
    p = float(stats.binomtest(gained, changed).pvalue) if changed else 1.0
    return {"before": share(before), "after": share(after), "gained": gained, "lost": lost, "p": p}


def paired_mean(before: np.ndarray, after: np.ndarray) -> dict[str, Any]:
    """Two shares of each image, and their mean difference with 1.96 standard errors of it: the images are the same."""
    difference = after - before
    gained, error = float(difference.mean()), NORMAL * float(difference.std() / np.sqrt(len(difference)))
    about = {"gained": gained, "low": gained - error, "high": gained + error}
    return {"before": mean_of(before), "after": mean_of(after), **about}

"""Every figure, from the per-image table alone: what evaluate writes, the report shows and anybody can recompute."""

from assay.tally.calibration import BINS, calibration, reliability
from assay.tally.corruption import corrupted, kept
from assay.tally.evaluation import TOP, confusion, passes, per_class, tally
from assay.tally.falls import attacked_confusion, becomes, changes, fallen_by, smallest_change
from assay.tally.layers import moved, moved_words
from assay.tally.means import mean_of, paired, paired_mean
from assay.tally.table import CERTIFIED, VERDICTS, Table, brackets, column, fallen, first_breaker, proven, share, stands
from assay.tally.training import kept_epoch

__all__ = [
    "BINS",
    "CERTIFIED",
    "TOP",
    "VERDICTS",
    "Table",
    "attacked_confusion",
    "becomes",
    "brackets",
    "calibration",
    "changes",
    "column",
    "confusion",
    "corrupted",
    "fallen",
    "fallen_by",
    "first_breaker",
    "kept",
    "kept_epoch",
    "mean_of",
    "moved",
    "moved_words",
    "paired",
    "paired_mean",
    "passes",
    "per_class",
    "proven",
    "reliability",
    "share",
    "smallest_change",
    "stands",
    "tally",
]

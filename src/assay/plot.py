"""The figures of the report as matplotlib objects, for notebooks: `assay.plot.curve("runs/plain", "runs/hardened")`.

The same evaluations are shown, and the same figures counted, as `assay report` does; ValueError where a run has none.
"""

from pathlib import Path

from matplotlib.figure import Figure

from assay.report.curve import curve_figure
from assay.report.damage import damage_figure
from assay.report.figures import in_colour
from assay.report.per_class import MOST, confusion_figure
from assay.report.seen import Evaluated, Seen, look
from assay.report.smallest import smallest_figure
from assay.report.training import training_figure
from assay.run_folder import open_run
from assay.tally import attacked_confusion
from assay.tally import confusion as clean_confusion

__all__ = ["becomes", "confusion", "curve", "damage", "smallest", "training"]


def curve(*runs: str | Path) -> Figure:
    """Accuracy against eps, with 95 % bands and the noise control."""
    found = [(one, each) for one, each in _attacked(runs) if len(each.settings["epsilons"]) > 1]
    if not found:
        raise ValueError("no run has an evaluation at several eps: assay evaluate RUN --eps 0,.05,.1")
    return in_colour(curve_figure(found))


def damage(*runs: str | Path) -> Figure:
    """Accuracy left against what each attack cost."""
    return in_colour(damage_figure(_attacked(runs)))


def smallest(*runs: str | Path) -> Figure:
    """The share of images that a change of at most that size breaks."""
    return in_colour(smallest_figure(_attacked(runs)))


def confusion(run: str | Path) -> Figure:
    """What is taken for what on clean images; of at most 30 classes."""
    (one,) = _seen((run,))
    shown = one.clean or one.attacked
    if not shown:
        raise ValueError(f"{run} has no evaluation: assay evaluate {run}")
    names = _few(shown)
    return in_colour(confusion_figure(clean_confusion(shown.table, len(names)), names))


def becomes(run: str | Path) -> Figure:
    """What is taken for what under attack, of the images that were right; of at most 30 classes."""
    ((_, shown),) = _attacked((run,))
    names, settings = _few(shown), shown.settings
    matrix = attacked_confusion(shown.table, settings["attacks"], settings["epsilons"], shown.eps, len(names))
    return in_colour(confusion_figure(matrix, names))


def training(*runs: str | Path, of: str = "accuracy") -> Figure:
    """Loss or accuracy by epoch; `of` says which."""
    if of not in ("accuracy", "loss"):
        raise ValueError(f"of must be 'accuracy' or 'loss', got {of!r}")
    taught = [one for one in _seen(runs) if one.history]
    if not taught:
        raise ValueError("no run was trained here: metrics.jsonl is missing")
    return in_colour(training_figure(taught, of)[0])


def _seen(runs: tuple[str | Path, ...]) -> list[Seen]:
    if not runs:
        raise ValueError("at least one run is wanted")
    return look([open_run(Path(run)) for run in runs])


def _attacked(runs: tuple[str | Path, ...]) -> list[tuple[Seen, Evaluated]]:
    found = [(one, one.attacked) for one in _seen(runs) if one.attacked]
    if not found:
        raise ValueError(f"{runs[0]} was not attacked: assay evaluate {runs[0]} --threat 'linf(0.1)'")
    return found


def _few(shown: Evaluated) -> list[str]:
    names: list[str] = shown.settings["classes"]
    if len(names) > MOST:
        raise ValueError(f"{len(names)} classes are too many for a matrix, {MOST} at most")
    return names

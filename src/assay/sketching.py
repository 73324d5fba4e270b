"""Draws what a lesson wants drawn: grids of numbers, and curves in a plane."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from assay.report.figures import DASHES, INK, MARKERS, RULE, RUNS, SETTINGS, in_colour, unwarned

if TYPE_CHECKING:  # the lessons load torch, and a figure needs none
    from assay.lessons.paper.sketch import Sketch

WIDE, HIGH = 4.2, 4.4  # inches a panel
MOST_CELLS = 12  # along a side, that can be read


def sketched(sketch: "Sketch", title: str) -> Figure:
    """The panels side by side under a title, in the report's light colours, on white."""
    with mpl.rc_context(SETTINGS):
        figure = drawn(sketch)
        figure.suptitle(_folded(title, 34 * len(sketch.panels)), fontsize=10)
        figure.patch.set_alpha(1)
    return in_colour(figure)


def drawn(sketch: "Sketch") -> Figure:
    """The panels alone, in the colours that a page turns into its own, on nothing."""
    with mpl.rc_context(SETTINGS):
        grids: list[Any] = [each for each in sketch.panels if hasattr(each, "cells")]
        figure = Figure((WIDE * len(sketch.panels), HIGH), layout="constrained")
        figure.patch.set_alpha(0)
        most = max((max(len(each.cells), len(each.cells[0])) for each in grids), default=1)
        for ax, panel in zip(figure.subplots(1, len(sketch.panels), squeeze=False)[0], sketch.panels, strict=True):
            ax.set_title(_folded(panel.title, 40), fontsize=10)
            ax.patch.set_alpha(0)
            if hasattr(panel, "cells"):
                _grid(ax, panel, most)
            else:
                _plane(ax, panel)
    return figure


def save(sketch: "Sketch", title: str, path: Path) -> None:
    """Into a file, whose ending says of what kind."""
    figure = sketched(sketch, title)
    undated = {"Date": None} if path.suffix == ".svg" else {}
    with mpl.rc_context(SETTINGS), unwarned():
        figure.savefig(path, dpi=150, metadata=undated)


def _grid(ax: Axes, panel: Any, most: int) -> None:
    """Cells as large as in the grids beside it, of which the largest has `most` along a side."""
    cells = [line[:MOST_CELLS] for line in panel.cells[:MOST_CELLS]]
    rows, columns = len(cells), max(map(len, cells))
    for row, line in enumerate(cells):
        for column, text in enumerate(line):
            colour = RUNS[0] if (row, column) in panel.marked else "none"
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor=colour, alpha=0.25, linewidth=0))
            ax.add_patch(Rectangle((column, row), 1, 1, facecolor="none", edgecolor=INK, linewidth=0.8))
            ax.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=10 if len(text) < 6 else 7)
    half = min(most, MOST_CELLS) / 2 + 0.1
    ax.set(xlim=(columns / 2 - half, columns / 2 + half), ylim=(rows / 2 + half, rows / 2 - half), aspect="equal")
    ax.set_axis_off()


def _plane(ax: Axes, panel: Any) -> None:
    if panel.levels:
        lines = ax.contour(panel.levels.across, panel.levels.up, panel.levels.heights, 12, colors=RULE, linewidths=0.8)
        ax.clabel(lines, fontsize=7, colors=INK)
    for place, curve in enumerate(panel.curves):
        colour, points = RUNS[place % len(RUNS)], curve.points
        across, up = [x for x, _ in points], [y for _, y in points]
        if curve.kind == "area":
            ax.fill(across, up, facecolor=colour, alpha=0.12)
            ax.plot([*across, *across[:1]], [*up, *up[:1]], color=colour, label=curve.label)
        elif curve.kind == "marks":
            ax.plot(across, up, MARKERS[place % len(MARKERS)], color=colour, label=curve.label, linestyle="")
        else:
            ax.plot(across, up, linestyle=DASHES[place % len(DASHES)], color=colour, label=curve.label)
    ax.set(xlabel=panel.across, ylabel=panel.up)
    if panel.equal:
        ax.set_aspect("equal", adjustable="datalim")
    if panel.curves:
        ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)


def _folded(text: str, wide: int) -> str:
    """In lines of at most so many signs, where there are spaces."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= wide:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines[:3])

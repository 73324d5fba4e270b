"""Is it as often right as it is sure: reliability of the clean answers, and how sure it is when it is fooled."""

from typing import Any

from markupsafe import Markup

from assay.report.figures import INK, MARKERS, RUNS, drawing, key, svg
from assay.report.html import PERCENT, Panel, fill, folded, percent, table
from assay.report.seen import Evaluated, Seen

PLAIN = (
    "Of the images that a model is 80 % sure of, 80 % should be right. Points below the diagonal are overconfident, "
    "above it too modest. The mean distance, over images, is the expected calibration error (ECE)."
)
TEMPLATE = """<ul class="words">{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>{{ figure }}
<p><small>Bars are 95 % intervals; the line runs through bins of at least {{ few }} images. A few images make ECE
larger than it is: “by chance” is what a calibrated model with these confidences would show on as many.</small></p>"""
FEW = 20  # images: the line does not run through bins of fewer, which are smaller points
STOPPED = """<p><small>Most attacks stop as soon as they have won, barely over the border: how sure a model can be made
is more than this.</small></p>"""
HEAD = ("model", "n", "ECE, 15 equal widths (95 %)", "by chance", "ECE, 15 equal masses (95 %)", "by chance", "Brier")


def calibration(seen: list[Seen]) -> Panel:
    """A reliability diagram of all runs together, their calibration errors, and confidence under attack."""
    tested = [(one, one.tested) for one in seen]
    found = [(one, evaluation) for one, evaluation in tested if evaluation and _sure(evaluation)]
    if not found:
        return Panel("calibration", "How sure, and how right", PLAIN, fill=f"assay evaluate {seen[0].typed}")
    attacked = [(one, one.attacked) for one in seen if one.attacked and _sure(one.attacked)]
    body = fill(TEMPLATE, lines=[_words(*pair) for pair in found], figure=_figure(found), few=FEW)
    rows = [_row(*pair) for pair in found]
    bins = [row for pair in found for row in _bins(*pair)]
    numbers = table(HEAD, rows, "Calibration on clean images")
    of_bins = table(("model", "confidence", "mean of it", "right (95 %)", "images"), bins, "The points of the figure")
    return Panel(
        "calibration",
        "How sure, and how right",
        PLAIN,
        body + numbers + _fooled(attacked) + folded("the bins", of_bins),
    )


def _sure(evaluation: Evaluated) -> bool:
    """Whether there are confidences: a black box that answers classes has none."""
    return evaluation.settings.get("access") != "labels" and evaluation.figures["calibration"]["n"] > 0


def _words(one: Seen, evaluation: Evaluated) -> str:
    found = evaluation.figures["calibration"]
    mean, width = found["mean"], found["equal_width"]
    text = (
        f"{one.name} is {_percent(mean['all'])} sure on average, and right in "
        f"{percent(evaluation.figures['clean'])} of {found['n']} clean images: ECE {_error(width)}, "
        f"{_percent(width['by_chance'])} by chance."
    )
    if mean["right"] is not None and mean["wrong"] is not None:
        text += f" When it is right it is {_percent(mean['right'])} sure, when wrong {_percent(mean['wrong'])}."
    return text


def _figure(found: list[tuple[Seen, Evaluated]]) -> Markup:
    with drawing(4.6, 4.4) as (figure, ax):
        ax.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":")
        for one, evaluation in found:
            colour, marker = RUNS[one.place % len(RUNS)], MARKERS[one.place % len(MARKERS)]
            bins = evaluation.figures["calibration"]["equal_width"]["bins"]
            ax.plot([], [], color=colour, marker=marker, label=key(one.name))
            for many in (True, False):
                shown = [line for line in bins if (line["n"] >= FEW) == many]
                sure, right = ([100 * line[what] for line in shown] for what in ("confidence", "share"))
                reach = [[100 * abs(line["share"] - line[side]) for line in shown] for side in ("low", "high")]
                line = {"markersize": 5, "linewidth": 1.2} if many else {"markersize": 3, "linewidth": 0}
                ax.errorbar(sure, right, reach, color=colour, marker=marker, elinewidth=0.8 if many else 0.4, **line)
        ax.set(xlim=(0, 102), ylim=(-2, 103), xlabel="how sure, %", ylabel="how often right, %")
        ax.set_aspect("equal")
        figure.legend(loc="outside lower center", ncols=min(2, len(found)), fontsize=9)
        return svg(figure, "calibration", "How sure, and how right", " ".join(_words(*pair) for pair in found))


def _row(one: Seen, evaluation: Evaluated) -> tuple[object, ...]:
    found = evaluation.figures["calibration"]
    errors = [
        text
        for how in ("equal_width", "equal_mass")
        for text in (_error(found[how]), _percent(found[how]["by_chance"]))
    ]
    return (one.name, found["n"], *errors, f"{found['brier']:.4f}")


def _bins(one: Seen, evaluation: Evaluated) -> list[tuple[object, ...]]:
    return [
        (one.name, f"{line['from']:.3f}–{line['to']:.3f}", f"{line['confidence']:.3f}", percent(line), line["n"])
        for line in evaluation.figures["calibration"]["equal_width"]["bins"]
    ]


def _fooled(attacked: list[tuple[Seen, Evaluated]]) -> Markup:
    """At the eps of the threat: of the images that each attack broke."""
    rows = []
    for one, evaluation in attacked:
        for line in evaluation.figures["calibration"]["fooled"]:
            if line["eps"] == evaluation.eps and line["n"]:
                means, n = map(_percent, (line["confidence"], line["before"])), line["n"]
                rows.append((one.name, line["attack"], f"{line['eps']:.4g}", n, *means, f"{line['surer']} of {n}"))
    if not rows:
        return Markup()
    head = ("model", "attack", "eps", "images fooled", "sure, when fooled", "sure before", "surer than before")
    return table(head, rows, "How sure it is of what it was fooled into") + fill(STOPPED)


def _error(found: dict[str, Any]) -> str:
    return f"{_percent(found['ece'])} ({100 * found['low']:.1f}–{100 * found['high']:.1f})"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}{PERCENT}"

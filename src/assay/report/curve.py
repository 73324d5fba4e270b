"""Accuracy against eps: every attack together, and random noise of the same size as the control."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from matplotlib.figure import Figure

from assay.report.figures import DASHES, INK, MARKERS, RUNS, drawing, key, svg
from assay.report.html import Panel, folded, percent, table
from assay.report.seen import Evaluated, Seen


def curve(seen: list[Seen]) -> Panel:
    """The worst case over all attacks with its 95 % band, for each run, and its noise control."""
    plain = (
        "How fast accuracy falls as the change grows. If random noise of the same size did as much harm, "
        "the model would be fragile, not attacked."
    )
    attacked = [(one, one.attacked) for one in seen if one.attacked and len(one.attacked.settings["epsilons"]) > 1]
    if not attacked:
        command = f"assay evaluate {seen[0].typed} --threat 'linf(0.1)' --eps 0,.02,.04,.06,.08"
        return Panel("curve", "Accuracy against eps", plain, fill=command)
    rows = [row for one, evaluation in attacked for row in _rows(one, evaluation)]
    head = ("model", "eps", "robust (95 %)", "random noise (95 %)")
    numbers = folded("the numbers", table(head, rows, "Accuracy against eps"))
    return Panel("curve", "Accuracy against eps", plain, _drawn(attacked) + numbers)


def _drawn(attacked: list[tuple[Seen, Evaluated]]) -> Markup:
    return svg(curve_figure(attacked), "curve", "Accuracy against eps", _text(attacked))


def curve_figure(attacked: list[tuple[Seen, Evaluated]]) -> Figure:
    """The worst case over all attacks with its band, the attacks of one model apart, and the noise control."""
    norm = attacked[0][1].settings["norm"]
    with drawing(5.2, 4) as (figure, ax):
        for one, evaluation in attacked:
            colour, marker = RUNS[one.place % len(RUNS)], MARKERS[one.place % len(MARKERS)]
            clean = [] if 0 in evaluation.settings["epsilons"] else [{"eps": 0.0, **evaluation.figures["clean"]}]
            lines = clean + evaluation.figures["robust"]
            eps = [line["eps"] for line in lines]
            low, high = ([100 * line[side] for line in lines] for side in ("low", "high"))
            ax.fill_between(eps, low, high, color=colour, alpha=0.18, linewidth=0)
            ax.plot(
                eps,
                [100 * line["share"] for line in lines],
                color=colour,
                marker=marker,
                label=f"{key(one.name)}: attacked",
            )
            for place, name in enumerate(_apart(attacked)):
                shares = [100 * each["share"] for each in evaluation.figures["attacks"] if each["attack"] == name]
                line, marker = DASHES[1 + place % (len(DASHES) - 1)], MARKERS[place % len(MARKERS)]
                own = eps[-len(shares) :]
                ax.plot(own, shares, color=INK, linestyle=line, marker=marker, markersize=3, lw=0.9, label=key(name))
            if noise := _noise(evaluation):
                shares = [100 * line["share"] for line in clean + noise]
                ax.plot(
                    eps,
                    shares,
                    color=colour,
                    linestyle=DASHES[1],
                    linewidth=1.2,
                    label=f"{key(one.name)}: random noise",
                )
        classes = len(attacked[0][1].settings["classes"])
        ax.axhline(100 / classes, color=INK, linewidth=0.8, linestyle=":")
        ax.annotate("guessing", (0, 100 / classes), xytext=(2, 3), textcoords="offset points", fontsize=9)
        ax.set(xlabel=f"eps ({norm}, pixels of [0, 1])", ylabel="accuracy, %", ylim=(-2, 103))
        figure.legend(loc="outside lower center", ncols=2 if _apart(attacked) else len(attacked), fontsize=9)
    return figure


def _text(attacked: list[tuple[Seen, Evaluated]]) -> str:
    parts = [
        f"{one.name} falls from {percent(evaluation.figures['robust'][0], interval=False)} at eps "
        f"{evaluation.figures['robust'][0]['eps']:.3g} to {percent(evaluation.figures['robust'][-1], interval=False)} "
        f"at eps {evaluation.figures['robust'][-1]['eps']:.3g}"
        for one, evaluation in attacked
    ]
    return "; ".join(parts) + "."


def _apart(attacked: list[tuple[Seen, Evaluated]]) -> list[str]:
    """The attacks that get a line of their own: of one model, where there are several and not too many."""
    names = [name for name in attacked[0][1].settings["attacks"] if not name.startswith("noise")]
    return names if len(attacked) == 1 and 1 < len(names) <= 8 else []


def _noise(evaluation: Evaluated) -> list[dict[str, Any]]:
    return [line for line in evaluation.figures["attacks"] if line["attack"].startswith("noise")]


def _rows(one: Seen, evaluation: Evaluated) -> list[tuple[str, ...]]:
    noise: Sequence[Any] = _noise(evaluation) or (None,) * len(evaluation.settings["epsilons"])
    return [
        (one.name, f"{line['eps']:.4g}", percent(line), percent(control) if control else "–")
        for line, control in zip(evaluation.figures["robust"], noise, strict=True)
    ]

"""How little is enough: the sizes of the smallest changes that broke the images, as a distribution."""

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from assay.report.figures import DASHES, RUNS, drawing, key, svg
from assay.report.html import PERCENT, Panel, folded, percent, table
from assay.report.seen import Evaluated, Seen
from assay.tally import changes

TITLE = "How little is enough"


def smallest(seen: list[Seen]) -> Panel:
    """The share of images that has fallen to a change of at most each size, between the brackets of every eps."""
    plain = (
        "Of each picture the smallest change that was found to break it. A steep curve: nearly all fall at once; a "
        "long one: some pictures stand much more than others."
    )
    attacked = [(one, one.attacked) for one in seen if one.attacked]
    if not attacked:
        command = f"assay attack {seen[0].typed} --attack 'fmn(steps=100)' --threat 'linf(0.3)'"
        return Panel("smallest", TITLE, plain, fill=command)
    shares = attacked[0][1].figures["smallest_change"]["shares"]
    head = (
        "model",
        "images attacked",
        "broken by something",
        *(f"{100 * one['share']:.0f}{PERCENT} fall to" for one in shares),
        "95 % of the half",
    )
    numbers = table(head, [_row(*pair) for pair in attacked], "The smallest changes that were found")
    rows = [row for pair in attacked for row in _brackets(*pair)]
    brackets = table(("model", "eps", "fallen, of those attacked (95 %)"), rows, "Brackets: fallen at each eps")
    return Panel("smallest", TITLE, plain, _drawn(attacked) + numbers + folded("the brackets", brackets))


def _drawn(attacked: list[tuple[Seen, Evaluated]]) -> Markup:
    told = "; ".join(f"{one.name}: half fall to {_half(evaluation)}" for one, evaluation in attacked)
    return svg(smallest_figure(attacked), "smallest", "Share of images broken by a change of that size", f"{told}.")


def smallest_figure(attacked: list[tuple[Seen, Evaluated]]) -> Figure:
    """A step for every image that fell, and a dot with its 95 % interval at every eps that was tried."""
    with drawing(5.2, 3.6) as (figure, ax):
        largest = max(max(evaluation.settings["epsilons"]) for _, evaluation in attacked)
        for one, evaluation in attacked:
            colour, settings = RUNS[one.place % len(RUNS)], evaluation.settings
            sizes = np.sort(changes(evaluation.table, settings["attacks"], settings["epsilons"]))
            found, n = sizes[np.isfinite(sizes)], max(1, len(sizes))
            steps = 100 * np.arange(len(found) + 1) / n
            x, y = np.concatenate([[0], found, [largest]]), np.append(steps, steps[-1])
            style = DASHES[one.place % len(DASHES)]
            ax.step(x, y, where="post", color=colour, linestyle=style, label=key(one.name))
            tried = fallen_at(evaluation)
            ax.errorbar(
                [eps for eps, _ in tried],
                [100 * share["share"] for _, share in tried],
                [[100 * (s["share"] - s["low"]) for _, s in tried], [100 * (s["high"] - s["share"]) for _, s in tried]],
                fmt="o",
                color=colour,
                markersize=4,
                linewidth=1,
            )
        norm = attacked[0][1].settings["norm"]
        ax.set(xlabel=f"size of the change ({norm}, pixels of [0, 1])", ylabel="broken, % of those attacked")
        ax.set(ylim=(-2, 103), xlim=(0, None))
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)
    return figure


def fallen_at(evaluation: Evaluated) -> list[tuple[float, dict[str, float]]]:
    """At each eps the share of the images attacked that has fallen, with its interval."""
    return [(line["eps"], line) for line in evaluation.figures["fallen"]]


def _row(one: Seen, evaluation: Evaluated) -> tuple[object, ...]:
    found = evaluation.figures["smallest_change"]
    most = max(evaluation.settings["epsilons"])
    sizes = (
        "more than " + f"{most:.3g}" if each["size"] is None else f"{each['size']:.3g}" for each in found["shares"]
    )
    between = " to ".join("–" if found[end] is None else f"{found[end]:.3g}" for end in ("low", "high"))
    return one.name, found["n"], found["broken"], *sizes, between


def _half(evaluation: Evaluated) -> str:
    size = next(each["size"] for each in evaluation.figures["smallest_change"]["shares"] if each["share"] == 0.5)
    return f"more than {max(evaluation.settings['epsilons']):.3g}" if size is None else f"{size:.3g}"


def _brackets(one: Seen, evaluation: Evaluated) -> list[tuple[object, ...]]:
    return [(one.name, f"{eps:.4g}", percent(share)) for eps, share in fallen_at(evaluation)]

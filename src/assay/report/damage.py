"""Cost against damage: what each attack cost, what it left, and how much of it can be seen."""

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from assay.report.figures import INK, MARKERS, RUNS, drawing, key, svg
from assay.report.html import Panel, folded, percent, table
from assay.report.seen import Evaluated, Seen

HEAD = ("model", "attack", "eps", "accuracy left (95 %)", "forward", "backward", "seconds", "L2", "linf", "SSIM")


def damage(seen: list[Seen]) -> Panel:
    """Accuracy left against passes an image at the threat's eps, and the distortion of every attack at every eps."""
    plain = (
        "Which attack is most efficient? Low and to the left is cheap and harmful. SSIM says how alike a picture and "
        "its attacked twin look: 1 is the same."
    )
    attacked = [(one, one.attacked) for one in seen if one.attacked]
    if not attacked:
        command = f"assay attack {seen[0].typed} --attack fgsm --attack pgd --threat 'linf(0.1)'"
        return Panel("damage", "Cost against damage", plain, fill=command)
    now = [row for one, evaluation in attacked for row in _rows(one, evaluation, only=evaluation.eps)]
    drawn = svg(damage_figure(attacked), "damage", "Accuracy left against cost", _text(attacked))
    body = drawn + table(HEAD, now, "Passes, seconds of all images, and mean distortion an image attacked")
    if any(len(evaluation.settings["epsilons"]) > 1 for _, evaluation in attacked):
        every = [row for one, evaluation in attacked for row in _rows(one, evaluation)]
        body += folded("at every eps", table(HEAD, every, "The same at every eps"))
    return Panel("damage", "Cost against damage", plain, body)


def damage_figure(attacked: list[tuple[Seen, Evaluated]]) -> Figure:
    """A mark for each attack: what an image cost it, and what accuracy it left."""
    names = list(dict.fromkeys(name for _, evaluation in attacked for name in evaluation.settings["attacks"]))
    with drawing(5.2, 4) as (figure, ax):
        attacked_at = [
            (one, line, evaluation.passes(line))
            for one, evaluation in attacked
            for line in evaluation.figures["attacks"]
            if line["eps"] == evaluation.eps and evaluation.passes(line)  # none at eps 0, or if no image was right
        ]
        for one, line, passes in attacked_at:
            marker, colour = MARKERS[names.index(line["attack"]) % len(MARKERS)], RUNS[one.place % len(RUNS)]
            ax.plot(passes, 100 * line["share"], marker, color=colour, markersize=9, clip_on=False)
        ax.set(xlabel="passes an image, forward and backward", ylabel="accuracy left, %", ylim=(-3, 103))
        if attacked_at:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            ax.xaxis.set_major_formatter("{x:g}")
            ax.xaxis.set_minor_locator(NullLocator())
        keys = [
            Line2D([], [], linestyle="", marker=MARKERS[place % len(MARKERS)], color=INK, label=name)
            for place, name in enumerate(names)
        ]
        keys += [
            Line2D([], [], color=RUNS[one.place % len(RUNS)], linewidth=4, label=key(one.name)) for one, _ in attacked
        ]
        figure.legend(handles=keys, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def _text(attacked: list[tuple[Seen, Evaluated]]) -> str:
    parts = [
        f"{one.name} under {line['attack']}: {percent(line, interval=False)}, {evaluation.passes(line):.1f} passes"
        for one, evaluation in attacked
        for line in evaluation.figures["attacks"]
        if line["eps"] == evaluation.eps
    ]
    return "; ".join(parts) + "."


def _rows(one: Seen, evaluation: Evaluated, only: float | None = None) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for line in evaluation.figures["attacks"]:
        if only is not None and line["eps"] != only:
            continue
        cost, n = evaluation.costs[line["attack"], line["eps"]], max(1, line["attacked"])
        looks = [
            "–" if line[f"mean_{kind}"] is None else f"{line[f'mean_{kind}']:.3g}" for kind in ("l2", "linf", "ssim")
        ]
        passes = (f"{cost[kind] / n:.1f}" for kind in ("forwards", "backwards"))
        rows.append(
            (one.name, line["attack"], f"{line['eps']:.4g}", percent(line), *passes, f"{cost['seconds']:.2f}", *looks)
        )
    return rows

"""Training curves: loss and accuracy on training and validation images; the test set is one point at the end."""

from markupsafe import Markup
from matplotlib.ticker import MaxNLocator

from assay.report.figures import DASHES, MARKERS, RUNS, drawing, svg
from assay.report.html import Panel, fill, folded, table
from assay.report.seen import Seen

PAIR = '<div class="pair">{{ loss }}{{ accuracy }}</div>'


def training(seen: list[Seen]) -> Panel:
    """What was learnt, epoch by epoch."""
    plain = (
        "How the models were taught. A hardened model is taught on attacked pictures, so its training accuracy is "
        "lower on purpose. Test images are looked at once, after the end."
    )
    taught = [one for one in seen if one.history]
    if not taught:
        return Panel("training", "Training", plain, fill="assay train mnist_cnn")
    figures = Markup().join(fill(PAIR, loss=_figure(one, "loss"), accuracy=_figure(one, "accuracy")) for one in taught)
    head = ("model", "epoch", "loss", "accuracy", "validation loss", "validation accuracy", "attacked", "images/s")
    rows = [_row(one, line) for one in taught for line in one.history]
    return Panel("training", "Training", plain, figures + folded("the numbers", table(head, rows, "Training")))


def _figure(one: Seen, kind: str) -> Markup:
    colour, marker = RUNS[one.place % len(RUNS)], MARKERS[one.place % len(MARKERS)]
    epochs, last = [line["epoch"] for line in one.history], one.history[-1]
    factor, unit = (1, "") if kind == "loss" else (100, ", %")
    attacked = "validation_robust" in last
    with drawing(3.6, 3) as (figure, ax):
        own = [factor * line[kind] for line in one.history]
        held_out = [factor * line[f"validation_{kind}"] for line in one.history]
        ax.plot(epochs, own, color=colour, linestyle=DASHES[1], label="training" + ", attacked" * attacked)
        ax.plot(epochs, held_out, color=colour, marker=marker, markersize=3, label="validation")
        if attacked and kind == "accuracy":
            robust = [factor * line["validation_robust"] for line in one.history]
            ax.plot(epochs, robust, color=colour, linestyle=DASHES[3], label="validation, attacked")
        ax.set(xlabel="epoch", ylabel=kind + unit, title=f"{one.name}: {kind}")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(fontsize=8)
        text = f"After {last['epoch']} epochs: training {own[-1]:.3g}, validation {held_out[-1]:.3g}{unit}."
        return svg(figure, f"{kind}{one.place}", f"{kind} of {one.name}", text)


def _row(one: Seen, line: dict[str, float]) -> tuple[object, ...]:
    robust = f"{line['validation_robust']:.1%}" if "validation_robust" in line else "–"
    return (
        one.name,
        line["epoch"],
        f"{line['loss']:.4f}",
        f"{line['accuracy']:.2%}",
        f"{line['validation_loss']:.4f}",
        f"{line['validation_accuracy']:.2%}",
        robust,
        f"{line['images_per_second']:.0f}",
    )

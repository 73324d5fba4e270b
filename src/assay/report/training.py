"""Training curves: loss and accuracy on training and validation images; the test set is one point at the end."""

from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from assay.report.figures import DASHES, MARKERS, RUNS, drawing, key, svg
from assay.report.html import Panel, fill, folded, percent, table
from assay.report.seen import Seen
from assay.tally import kept_epoch

NAMED = 16  # letters beside a bar, which needs some room itself
PAIR = '<div class="pair">{{ loss }}{{ accuracy }}</div>'
LATER = "<p><b>{{ run }}: an alarm.</b> Epoch {{ epoch }}: {{ alarm }}. Nothing was taken back.</p>"
ALARM = """<p><b>{{ run }}: a collapse was seen and taken back.</b> Epoch {{ epoch }}: {{ because }}. The network
was learning the one step of {{ method }} by heart. It went back to the state after epoch {{ back_to }}, and on with
{{ then }}. The crosses in the figure are the epochs that were taken back.</p>"""
WHY = (
    "How the models were taught, on one plot. The dashed lines are training images (of a hardened model: attacked "
    "ones, so they lie lower on purpose), the solid lines held-out validation images. The test images are one point, "
    "after the end: whoever picks an epoch by them no longer tests."
)


def training(seen: list[Seen]) -> Panel:
    """What was learnt, epoch by epoch."""
    taught = [one for one in seen if one.history]
    if not taught:
        return Panel("training", "Training", WHY, fill="assay train mnist_cnn")
    figures = fill(PAIR, loss=_drawn(taught, "loss"), accuracy=_drawn(taught, "accuracy"))
    times = table(
        ("model", "epochs", "weights of epoch", "training time", "images a second", "peak memory", "test accuracy"),
        _times(taught),
        "Times",
    )
    alarms = [fill(ALARM, run=one.name, **told) for one in taught for told in one.taken_back]
    alarms += [fill(LATER, run=one.name, **line) for one in taught for line in one.history if line.get("alarm")]
    head = ("model", "epoch", "loss", "accuracy", "validation loss", "validation accuracy", "attacked", "images/s")
    rows = [_row(one, line) for one in taught for line in one.history]
    return Panel(
        "training",
        "Training",
        WHY,
        figures
        + Markup("").join(alarms)
        + _price(taught)
        + times
        + folded("the numbers", table(head, rows, "Training")),
    )


def _times(taught: list[Seen]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for one in taught:
        seconds = sum(line["seconds"] for line in one.history)
        speed = _speed(one)
        test = percent(one.clean.figures["clean"]) if one.clean else "–"
        rows.append((one.name, len(one.history), _kept(one), f"{seconds:.1f} s", f"{speed:.0f}", _memory(one), test))
    return rows


def _kept(one: Seen) -> int:
    """The epoch whose weights the run has."""
    return kept_epoch((one.config.get("recipe") or {}).get("keep", "last"), one.history)


def _memory(one: Seen) -> str:
    most = max((line.get("peak_memory") or 0 for line in one.history), default=0)
    return f"{most:.0f} MiB" if most else "–"


def _price(taught: list[Seen]) -> Markup:
    """What the networks of a page reached, and what that cost, side by side; nothing for one alone."""
    if len(taught) < 2:
        return Markup()
    measured = [("images a second", [_speed(one) for one in taught])]
    if tested := [100 * one.clean.figures["clean"]["share"] for one in taught if one.clean]:
        measured = [("test accuracy, %", tested), *measured] if len(tested) == len(taught) else measured
    if all(one.history[-1].get("peak_memory") for one in taught):
        measured += [("peak memory, MiB", [one.history[-1]["peak_memory"] for one in taught])]
    with drawing(5.0, 0.6 + 0.3 * len(taught)) as (figure, first):
        first.remove()
        for place, (what, values) in enumerate(measured):
            ax = figure.add_subplot(1, len(measured), place + 1)
            colours = [RUNS[one.place % len(RUNS)] for one in taught]
            ax.patch.set_alpha(0)
            ax.grid(visible=False)
            bars = ax.barh(range(len(taught)), values, color=colours)
            ax.bar_label(bars, fmt="{:.4g}", label_type="edge", fontsize=8, padding=2)
            ax.set(yticks=range(len(taught)), yticklabels=[_short(one.name) for one in taught] if place == 0 else [])
            ax.set(xticks=[], xlim=(0, 1.6 * max(*values, 1e-9)))  # room for the numbers, which stand beside the bars
            ax.set_title(what, fontsize=9)
            ax.invert_yaxis()
        text = "; ".join(f"{what}: {', '.join(f'{value:.4g}' for value in values)}" for what, values in measured)
        return svg(figure, "training-price", "What was reached, and what it cost", f"{text}.")


def _short(name: str) -> str:
    return key(name if len(name) <= NAMED else f"{name[: NAMED - 1]}…")


def _speed(one: Seen) -> float:
    seconds = sum(line["seconds"] for line in one.history)
    return float(sum(line["images_per_second"] * line["seconds"] for line in one.history) / max(seconds, 1e-9))


def _drawn(taught: list[Seen], kind: str) -> Markup:
    figure, text = training_figure(taught, kind)
    return svg(figure, f"training-{kind}", f"{kind} by epoch", text)


def training_figure(taught: list[Seen], kind: str) -> tuple[Figure, str]:
    """Loss or accuracy by epoch, and what is seen in words."""
    factor, unit = (1, "") if kind == "loss" else (100, ", %")
    texts = []
    with drawing(3.6, 3.4) as (figure, ax):
        for one in taught:
            colour, marker = RUNS[one.place % len(RUNS)], MARKERS[one.place % len(MARKERS)]
            epochs, last = [line["epoch"] for line in one.history], one.history[-1]
            own, held_out = ([factor * line[key] for line in one.history] for key in (kind, f"validation_{kind}"))
            ax.plot(epochs, own, color=colour, linestyle=DASHES[1], label=f"{key(one.name)}: training")
            ax.plot(epochs, held_out, color=colour, marker=marker, markersize=3, label=f"{key(one.name)}: validation")
            if "validation_robust" in last and kind == "accuracy":
                robust = [factor * line["validation_robust"] for line in one.history]
                ax.plot(
                    epochs, robust, color=colour, linestyle=DASHES[3], label=f"{key(one.name)}: validation, attacked"
                )
                lost = [line for told in one.taken_back for line in told["lines"]]
                fell = [factor * line["validation_robust"] for line in lost]
                ax.plot([line["epoch"] for line in lost], fell, color=colour, marker="x", linestyle="")
            if one.clean and kind == "accuracy":
                share = 100 * one.clean.figures["clean"]["share"]
                ax.plot(
                    _kept(one),
                    share,
                    color=colour,
                    marker="*",
                    markersize=11,
                    linestyle="",
                    label=f"{key(one.name)}: test",
                )
            texts.append(
                f"{one.name} after {last['epoch']} epochs: training {own[-1]:.3g}, validation {held_out[-1]:.3g}{unit}"
            )
        ax.set(xlabel="epoch", ylabel=kind + unit)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(loc="outside lower center", fontsize=8, ncols=min(2, len(taught)))
    return figure, "; ".join(texts) + "."


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

"""Class by class: how often each is found, how often the word is right, and what is taken for what."""

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from assay.report.figures import INK, drawing, svg
from assay.report.html import PERCENT, Panel, fill, folded, percent, table
from assay.report.seen import Evaluated, Seen
from assay.tally import TOP, confusion

MOST = 30  # classes whose confusion is drawn as a matrix
PAIRS = 6  # named in words
HEAD = ("class", "images", "recall (found)", "precision (right)", "F1")


def per_class(seen: list[Seen]) -> Panel:
    """Precision, recall and F1 of each class, and the confusion matrix, on clean test images."""
    plain = (
        "Where the model is wrong when nobody attacks it. Recall: of all cats, how many are called cat. Precision: of "
        "all that is called cat, how much is one. F1 is their harmonic mean."
    )
    tested = [(one, one.tested) for one in seen]
    found = [(one, evaluation) for one, evaluation in tested if evaluation]
    if not found:
        return Panel("per-class", "Class by class", plain, fill=f"assay evaluate {seen[0].typed}")
    return Panel("per-class", "Class by class", plain, Markup().join(_run(*pair) for pair in found))


def _run(one: Seen, evaluation: Evaluated) -> Markup:
    names, n = evaluation.settings["classes"], evaluation.settings["n"]
    matrix = confusion(evaluation.table, len(names))
    head = fill(
        """<h3 class="run{{ place }}"><span class="key" aria-hidden="true"></span>{{ name }}</h3>
<p>Right at first guess: {{ top }}{% if top5 %}; among the first five: {{ top5 }}{% endif %}.
{% if pairs %}Most often confused: {{ pairs }}.{% else %}No image was taken for another class.{% endif %}</p>""",
        place=one.place,
        name=one.name,
        top=percent(evaluation.figures["clean"]),
        top5=percent(evaluation.figures["top5"]) if len(names) > TOP else "",
        pairs=", ".join(_pairs(matrix, names)),
    )
    rows = [
        (
            name,
            line["n"],
            *("–" if line[kind] is None else _plain(line[kind]) for kind in ("recall", "precision", "f1")),
        )
        for name, line in zip(names, evaluation.figures["per_class"], strict=True)
    ]
    about = f"{one.name}: {n} clean {evaluation.settings['split']} images of {evaluation.settings['data']}"
    numbers = table(HEAD, rows, about)
    if len(names) > MOST:
        return head + folded(f"all {len(names)} classes", numbers)
    return head + _figure(one, matrix, names) + numbers


def _pairs(matrix: np.ndarray, names: list[str]) -> list[str]:
    """ "cat becomes dog in 12.0 %": the largest shares of a class that went elsewhere."""
    wrong = matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:PAIRS]
    rows, columns = np.unravel_index(order, wrong.shape)
    return [
        f"{names[row]} becomes {names[column]} in {_plain(wrong[row, column])}"
        for row, column in zip(rows, columns, strict=True)
        if wrong[row, column]
    ]


def _figure(one: Seen, matrix: np.ndarray, names: list[str]) -> Markup:
    said = "; ".join(_pairs(matrix, names)) + "."
    return svg(confusion_figure(matrix, names), f"confusion{one.place}", f"Confusion of {one.name}", said)


def confusion_figure(matrix: np.ndarray, names: list[str]) -> Figure:
    """A square for each pair of classes, darker with its share of the row; of at most MOST classes."""
    k = len(names)
    shares = 100 * matrix / np.maximum(1, matrix.sum(1, keepdims=True))
    short = [name if len(name) <= 14 else f"{name[:13]}…" for name in names]
    with drawing(max(5.2, 1.9 + 0.36 * k), 1.6 + 0.32 * k) as (figure, ax):
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        for row in range(k):
            for column in range(k):
                if not matrix[row, column]:
                    continue
                # drawn as areas of ink, which turn with light and dark, and not as a picture of fixed colours
                steep = 0.6 if row == column else 2.0  # mistakes are few: they shall be seen
                strength = min(0.75, 0.08 + steep * shares[row, column] / 100)
                ax.add_patch(_square(column, row, "#040404" if row == column else "#030303", strength))
                text = f"{shares[row, column]:.0f}" if shares[row, column] >= 0.5 else "·"
                ax.text(column, row, text, ha="center", va="center", fontsize=8, color=INK)
        ax.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), xlabel="taken for", ylabel="is")
        ax.set_xticks(range(k), short, rotation=90 if max(map(len, short)) > 2 else 0, fontsize=8)
        ax.set_yticks(range(k), short, fontsize=8)
        ax.tick_params(length=0)
        figure.text(0.01, 0.01, "% of the row; · below 0.5", fontsize=8)
    return figure


def _square(column: int, row: int, colour: str, strength: float) -> Rectangle:
    return Rectangle((column - 0.48, row - 0.48), 0.96, 0.96, color=colour, alpha=strength, linewidth=0)


def _plain(share: float) -> str:
    return f"{100 * share:.1f}{PERCENT}"

"""Is a map true? The mark beside it, and what was checked: figures counted again from the numbers of each image."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.quality import CURVES, ORDERS, area
from assay.report.checks import LIGHTS
from assay.report.figures import DASHES, RUNS, drawing, key, svg
from assay.report.html import PERCENT, fill, folded, table
from assay.report.judged import Judged

COLOURS = {"do not trust": "red", "not enough evidence": "amber", "nothing against it": "green"}
VERDICTS = {"failed": "red", "no evidence": "amber", "passed": "green"}
ASKED = {
    "deletion": "Does the answer fall faster if its pixels go first than if the map is put elsewhere?",
    "insertion": "Does the answer come back faster if its pixels come first than elsewhere?",
    "randomisation": "Does the map become another when the weights are drawn anew?",
    "stability": "Does the map stay as it is under noise that nobody sees?",
    "completeness": "Do its values add up to the change of the answer?",
}
MEASURED = {
    "deletion": "area between the curves",
    "insertion": "area between the curves",
    "randomisation": "rank correlation with itself",
    "stability": "rank correlation with itself",
    "completeness": "share by which it is off",
}
DRAWN = {"method": "-", "edges": DASHES[1], "random": DASHES[3], "moved": DASHES[2]}
NAMES = {"edges": "edge detector", "random": "random pixels", "moved": "the map put elsewhere"}
MARK = """<small class="light {{ colour }}"><span aria-hidden="true">{{ shape }}</span> <em>{{ mark }}</em></small>"""
BODY = """{% for one in models %}
<p><strong class="light {{ one.colour }}"><span aria-hidden="true">{{ one.shape }}</span>
{{ one.mark }}</strong> {{ one.name }}{% if one.because %}<br>{{ one.because | join("; ") }}.{% endif %}</p>
{% endfor %}"""
WORDS = """{% for one in models %}<p>{{ one.name }}:</p><ul class="words">
{% for check in one.figures.checks %}<li>{{ check.because }}.</li>{% endfor %}</ul>{% endfor %}"""
PLAIN = (
    "Each line is the probability of the explained class, mean over the images. A good map's line falls early under "
    "deletion and rises early under insertion. The same map, put elsewhere, is as smooth and about nothing: "
    "it decides. Edge detector and random pixels know nothing of the model."
)


def mark(found: Judged | None) -> Markup:
    """What stands beside a map; nothing where nobody has checked."""
    if found is None:
        return Markup()
    word = found.figures["mark"]
    colour = COLOURS[word]
    return fill(MARK, colour=colour, shape=LIGHTS[colour][0], mark=word)


def quality(number: int, method: str, found: Sequence[Judged]) -> Markup:
    """The marks with their reasons, and, for those who ask, curves and table. number keeps figures apart."""
    if not found:
        return Markup()
    models = [
        {"name": one.name, "mark": one.figures["mark"].capitalize(), "because": one.figures["because"]}
        | {"colour": COLOURS[one.figures["mark"]], "shape": LIGHTS[COLOURS[one.figures["mark"]]][0]}
        for one in found
    ]
    n = len(found[0].arrays["index"])
    curves = Markup().join(_figure(f"quality-{number}-{name}", name, method, found) for name in CURVES)
    plain = fill("<p>{{ text }}</p>", text=PLAIN)
    words = fill(WORDS, models=found)
    inside = plain + fill('<div class="pair">{{ curves }}</div>', curves=curves) + _table(method, found) + words
    return fill(BODY, models=models) + folded(f"how the map was checked, on {n} image{'s' * (n != 1)}", inside)


def _table(method: str, found: Sequence[Judged]) -> Markup:
    rows = [
        (ASKED[one["check"]], judged.name, MEASURED[one["check"]], _value(one), one["wanted"], _light(one["verdict"]))
        for judged in found
        for one in judged.figures["checks"]
    ]
    head = ("check", "model", "measured", "found (95 %)", "wanted", "verdict")
    return table(head, rows, f"Is the map of {method} true?")


def _value(one: Mapping[str, Any]) -> str:
    said = f"{one['value']:.2f}"
    return said if one["low"] is None else f"{said} ({one['low']:.2f} to {one['high']:.2f}), n {one['n']}"


def _light(verdict: str) -> Markup:
    colour = VERDICTS[verdict]
    return fill(MARK, colour=colour, shape=LIGHTS[colour][0], mark=verdict)


def _figure(name: str, what: str, method: str, found: Sequence[Judged]) -> Markup:
    with drawing(3.6, 3.2) as (figure, ax):
        for one in found:
            for order in ORDERS:
                curve = 100 * one.arrays[f"{what}.{order}"].mean(0)
                label = key(one.name) if order == "method" else NAMES[order] if one is found[0] else None
                share = np.linspace(0, 100, len(curve))
                width = 1.8 if order == "method" else 1.1
                colour = RUNS[one.place % len(RUNS)]
                ax.plot(share, curve, color=colour, linestyle=DRAWN[order], linewidth=width, label=label)
        moved = "gone" if what == "deletion" else "back"
        ax.set(xlabel=f"pixels that are {moved}, %", ylabel="probability, %", ylim=(-2, 103), title=what)
        figure.legend(loc="outside lower center", ncols=2, fontsize=9)
        return svg(figure, name, f"{what} by {method}", _text(what, found))


def _text(what: str, found: Sequence[Judged]) -> str:
    parts = [
        f"{one.name}: area {100 * area(one.arrays[f'{what}.method']).mean():.0f}{PERCENT}, "
        f"edge detector {100 * area(one.arrays[f'{what}.edges']).mean():.0f}{PERCENT}, "
        f"random pixels {100 * area(one.arrays[f'{what}.random']).mean():.0f}{PERCENT}, "
        f"the map put elsewhere {100 * area(one.arrays[f'{what}.moved']).mean():.0f}{PERCENT}"
        for one in found
    ]
    return "; ".join(parts) + "."

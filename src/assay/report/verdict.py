"""The verdict: one sentence for each model, and four numbers."""

from typing import Any

import numpy as np

from assay.report.html import Panel, fill, levels, percent
from assay.report.seen import Evaluated, Seen
from assay.tally import paired, stands

TEMPLATE = """
{% for line in lines %}
<div class="verdict run{{ line.place }}">
<h3><span class="key" aria-hidden="true"></span>{{ line.name }}</h3>
<p>{{ line.sentence }}</p>
<dl class="numbers">
{% for number, value, more in line.numbers %}
<div><dt>{{ number }}</dt><dd>{{ value }}<small>{{ more }}</small></dd></div>
{% endfor %}
</dl></div>
{% endfor %}
{% for line in together %}<p>{{ line }}</p>{% endfor %}
"""


def verdict(seen: list[Seen]) -> Panel:
    """Clean accuracy, robust accuracy, the eps at which half have fallen, and what the measurement cost."""
    plain = "How often each model is right, and how often it still is when somebody changes the picture on purpose."
    lines = [_line(one, one.attacked) for one in seen if one.attacked]
    if not lines:
        return Panel("verdict", "Verdict", plain, fill=f"assay evaluate {seen[0].run.path} --threat 'linf(0.1)'")
    return Panel("verdict", "Verdict", plain, fill(TEMPLATE, lines=lines, together=_together(seen)))


def _line(one: Seen, attacked: Evaluated) -> dict[str, Any]:
    settings, figures = attacked.settings, attacked.figures
    clean, robust = figures["clean"], attacked.robust(attacked.eps)
    norm, half = settings["norm"], figures["smallest_eps"]
    passes = sum(cost["forwards"] + cost["backwards"] for cost in attacked.costs.values())
    seconds = sum(cost["seconds"] for cost in attacked.costs.values())
    faults = f" {figures['faults']} answers were faults and count as not robust." if figures["faults"] else ""
    verb = {"linf": "changing no pixel by more than", "l2": "a change of Euclidean length at most"}[norm]
    sentence = (
        f"Right on {percent(clean, interval=False)} of {clean['n']} {settings['split']} images of {settings['data']}; "
        f"{verb} {levels(attacked.eps, norm)} leaves {percent(robust, interval=False)}.{faults}"
    )
    between = f"{half['median_low']:.3g}–{half['median_high']:.3g}" if half else f"> {max(settings['epsilons']):.3g}"
    numbers = [
        ("clean accuracy", percent(clean, interval=False), _interval(clean)),
        (f"robust accuracy at {attacked.eps:.3g}", percent(robust, interval=False), _interval(robust)),
        ("eps that breaks half", between, "between two eps of the list" if half else "more than half outlive the list"),
        ("cost", f"{seconds:.1f} s", f"{passes / clean['n']:.0f} passes an image"),
    ]
    return {"name": one.name, "place": one.place, "sentence": sentence, "numbers": numbers}


def _together(seen: list[Seen]) -> list[str]:
    """The first run against each other one on the same images, with McNemar's test."""
    first, *others = seen
    lines = []
    for other in others:
        if not (first.attacked and other.attacked and _same(first.attacked, other.attacked)):
            continue
        before, after = _stands(first.attacked), _stands(other.attacked)
        result = paired(before, after)
        lines.append(
            f"On the same {len(before)} images, at eps {first.attacked.eps:.3g}: {result['gained']} stand under "
            f"{other.name} that fell under {first.name}, {result['lost']} the other way round "
            f"(McNemar's exact test: p = {result['p']:.2g})."
        )
    return lines


def _same(one: Evaluated, other: Evaluated) -> bool:
    keys = ("fingerprint", "norm", "eps", "attacks", "goal")
    same = all(one.settings[key] == other.settings[key] for key in keys)
    return same and np.array_equal(one.table["index"], other.table["index"])


def _stands(attacked: Evaluated) -> np.ndarray:
    return stands(attacked.table, attacked.settings["attacks"], attacked.settings["epsilons"], attacked.eps)


def _interval(share: dict[str, Any]) -> str:
    return f"95 %: {100 * share['low']:.1f}–{100 * share['high']:.1f}, n {share['n']}"

"""What a class looks like to each network: images made from the same noise, side by side, and the way there."""

from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.explanations import Maps, groups_of
from assay.report.figures import DASHES, RUNS, drawing, key, svg
from assay.report.html import PERCENT, Panel, fill, folded
from assay.report.pictures import eight_bit, picture, upright
from assay.report.seen import Seen

SHOWN = 20  # classes
PLAIN = (
    "Pictures made for a class, from noise: pixel by pixel, whatever makes the network surer of it. They show what it "
    "takes the class to be. To be sure, a plain network mostly needs no more than specks; in those of a hardened one "
    "there is often something to be seen of the thing itself."
)
ABOUT = (
    "{{ unit }}, on one scale: black is 0, white is 1. Beneath: how sure the network is of the class, and the logit "
    "that was climbed. All classes and models begin with the same noise."
)
TEMPLATE = """
<h3>{{ method }}</h3>
<p class="expert">{{ about }}</p>
<ul class="words">{% for line in words %}<li>{{ line }}</li>{% endfor %}</ul>
<div class="pair">{{ sure }}{{ logit }}</div>
{{ first }}{{ others }}
"""
TABLE = """<div class="scroll" tabindex="0" role="region" aria-label="{{ title }}"><table class="many">
<caption>{{ title }}</caption>
<thead><tr><th scope="col">model</th>{% for name in head %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr><th scope="row" class="run{{ row.place }}"><span class="key" aria-hidden="true"></span>
{{- row.name }}</th>
{% for cell in row.cells %}<td>{{ cell.picture }}{% for line in cell.lines %}<small>{{ line }}</small>{% endfor %}</td>
{% endfor %}</tr>
{% endfor %}</tbody></table></div>"""


def class_images(seen: list[Seen]) -> Panel:
    """The images of every class from the first noise, folded those from others, and the curves of all."""
    groups = groups_of("class_images", seen)
    if not groups:
        return Panel("class-images", "Class images", PLAIN, fill=f"assay explain {seen[0].typed} --method class_image")
    bodies = [_group(group, place) for place, group in enumerate(groups)]
    return Panel("class-images", "Class images", PLAIN, Markup("\n").join(bodies))


def _group(group: list[Maps], number: int) -> Markup:
    first = group[0].arrays
    starts = np.unique(first["start"])
    tables = [_table(group, np.flatnonzero(first["start"] == start), int(start)) for start in starts]
    others = folded(f"from {len(tables) - 1} other noises", Markup("\n").join(tables[1:])) if tables[1:] else ""
    return fill(
        TEMPLATE,
        method=group[0].config["method"],
        about=fill(ABOUT, unit=group[0].config["unit"]),
        words=[f"{maps.one.name}: {line}" for maps in group for line in maps.config["words"]],
        sure=_figure(group, number, "probability"),
        logit=_figure(group, number, "logit"),
        first=tables[0],
        others=others,
    )


def _table(group: list[Maps], rows: np.ndarray, start: int) -> Markup:
    names = group[0].config["classes"]
    of = group[0].arrays["explained"][rows[:SHOWN]].tolist()
    drawn = [
        {
            "name": maps.one.name,
            "place": maps.one.place,
            "cells": [_cell(maps, int(row), names[one]) for one, row in zip(of, rows, strict=False)],
        }
        for maps in group
    ]
    title = f"From noise {start}" + (f"; the first {SHOWN} of {len(rows)} classes" if len(rows) > SHOWN else "")
    return fill(TABLE, title=title, head=[names[one] for one in of], rows=drawn)


def _cell(maps: Maps, row: int, name: str) -> dict[str, Any]:
    arrays = maps.arrays
    alt = f"{maps.one.name}: what it takes for {name}"
    drawn = picture(upright(eight_bit(maps["image"][row])), alt)
    if not arrays["stopped"][row]:
        return {"picture": drawn, "lines": ["never fired:", "the noise itself"]}
    logits, of = arrays["logits"][row].astype(float), int(arrays["explained"][row])
    sure = 100 * probabilities(logits)[of]
    lines = [f"{_rounded(sure)}{PERCENT}", f"logit {logits[of]:.1f}"]
    if logits.argmax() != of:
        lines.append(f"rather {maps.config['classes'][int(logits.argmax())]}")
    return {"picture": drawn, "lines": lines}


def _rounded(percent: float) -> str:
    """With one digit; what is not quite 100 is not said to be."""
    return "> 99.9" if 99.95 <= percent < 100 else f"{percent:.1f}"


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    shares: np.ndarray = raised / raised.sum(-1, keepdims=True)
    return shares


def _figure(group: list[Maps], number: int, what: str) -> Markup:
    """The median over the images against the iteration, and between which values all of them lie."""
    factor, unit = (100.0, ", %") if what == "probability" else (1.0, "")
    with drawing(5.2, 3) as (figure, ax):
        for maps in group:
            steps, values = maps.arrays["steps"], factor * maps.arrays[f"curve.{what}"]
            colour = RUNS[maps.one.place % len(RUNS)]
            ax.fill_between(steps, values.min(0), values.max(0), color=colour, alpha=0.15, linewidth=0)
            line = DASHES[maps.one.place % len(DASHES)]
            ax.plot(steps, np.median(values, 0), color=colour, linestyle=line, label=key(maps.one.name))
        ax.set_xscale("symlog", linthresh=1, base=2)
        last = max(int(maps.arrays["steps"].max()) for maps in group)
        ticks = [0, *(2**power for power in range(0, 32, 3) if 2**power <= last)]
        ax.set_xticks(ticks, [str(tick) for tick in ticks])
        ax.set_xlim(0, max(1, last))
        ax.set(xlabel="iteration", ylabel=f"{what} of the class{unit}")
        figure.legend(loc="outside lower center", ncols=min(3, len(group)), fontsize=9)
        n = len(group[0].arrays["explained"])
        title = f"{what.capitalize()} of the class against the iteration, median and range of {n} images"
        return svg(figure, f"class-images-{number}-{what}", title, _text(group, what, factor))


def _text(group: list[Maps], what: str, factor: float) -> str:
    parts = []
    for maps in group:
        first, last = (factor * np.median(maps.arrays[f"curve.{what}"][:, place]) for place in (0, -1))
        parts.append(f"{maps.one.name} goes from {first:.3g} to {last:.3g}")
    return "; ".join(parts) + "."

"""What the models look at: the same maps of the same images, side by side and on one scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.html import PERCENT, Panel, fill
from assay.report.pictures import classes as class_picture
from assay.report.pictures import heat, picture, swatch
from assay.report.seen import Seen

TEMPLATE = """
{% for method in methods %}
<h3>{{ method.title }}</h3>
<p class="expert">{{ method.about }}</p>
<div class="scroll" tabindex="0" role="region" aria-label="{{ method.title }}"><table class="maps">
<thead><tr><th scope="col">image</th>
{% for head in method.head %}<th scope="col">{{ head }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in method.rows %}<tr><th scope="row">{{ row.image }}<small>{{ row.label }}</small></th>
{% for cell in row.cells %}<td>{{ cell.picture }}<small>{{ cell.text }}</small></td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% endfor %}
"""


KEY = '<i class="swatch" style="background: {{ colour }}"></i>{{ name }}&nbsp;{{ share }}&nbsp;%'


@dataclass(frozen=True)
class Maps:
    """The maps of one method on one run."""

    one: Seen
    config: dict[str, Any]
    arrays: dict[str, np.ndarray]


def explanations(seen: list[Seen]) -> Panel:
    """Saliency, occlusion and whatever else the runs hold, for the images that all of them explain."""
    plain = "Which parts of a picture decide. A model that looks at the thing itself is easier to trust."
    groups = _groups(seen)
    if not groups:
        command = f"assay explain {seen[0].run.path} --method saliency"
        return Panel("explanations", "What it looks at", plain, fill=command)
    methods = [_method(maps) for maps in groups]
    return Panel("explanations", "What it looks at", plain, fill(TEMPLATE, methods=methods))


def _groups(seen: list[Seen]) -> list[list[Maps]]:
    """The runs' explanations of the same name together: same method, same images."""
    groups: dict[str, list[Maps]] = {}
    for one in seen:
        for name in one.run.names("explanations"):
            folder = one.run.explanation(name)
            maps = Maps(one, folder.read_json("config.json"), folder.read_arrays("maps.safetensors"))
            groups.setdefault(name, []).append(maps)
    return list(groups.values())


def _method(group: list[Maps]) -> dict[str, Any]:
    first = group[0]
    kinds = sorted(name.removeprefix("map.") for name in first.arrays if name.startswith("map."))
    kinds.sort(key=lambda kind: kind == "class")
    head = [f"{maps.one.name}: {kind}" for kind in kinds for maps in group]
    rows = []
    for place in range(len(first.arrays["images"])):
        label = first.config["classes"][int(first.arrays["labels"][place])]
        cells = [_cell(group, maps, kind, place) for kind in kinds for maps in group]
        image = picture(first.arrays["images"][place], f"image {first.arrays['index'][place]}, a {label}")
        rows.append({"image": image, "label": f"{label} · image {first.arrays['index'][place]}", "cells": cells})
    scale = "Each map is drawn from 0 to the largest value in its row, so that the models can be compared."
    about = f"{first.config['unit']}. {scale}"
    return {"title": first.config["method"], "about": about, "head": head, "rows": rows}


def _cell(group: list[Maps], maps: Maps, kind: str, place: int) -> dict[str, Any]:
    values, names = maps.arrays[f"map.{kind}"][place], maps.config["classes"]
    if kind == "class":
        numbers, counts = np.unique(values, return_counts=True)
        order = np.argsort(-counts)
        keys = [
            fill(
                KEY,
                colour=swatch(int(numbers[i])),
                name=names[int(numbers[i])] if numbers[i] >= 0 else "none",
                share=round(100 * counts[i] / values.size),
            )
            for i in order[:4]
        ]
        return {"picture": picture(class_picture(values), "predicted class by place"), "text": Markup(" ").join(keys)}
    largest = max(float(other.arrays[f"map.{kind}"][place].max()) for other in group)
    explained = int(maps.arrays["explained"][place])
    probability = 100 * float(maps.arrays["probability"][place, explained])
    low, high = (_number(kind, float(value)) for value in (values.min(), values.max()))
    text = f"{names[explained]} ({probability:.0f}{PERCENT}) · {low} to {high}"
    return {"picture": picture(heat(values, largest), f"{kind} map"), "text": text}


def _number(kind: str, value: float) -> str:
    return f"{100 * value:.0f}{PERCENT}" if kind == "probability" else f"{value:.2g}"

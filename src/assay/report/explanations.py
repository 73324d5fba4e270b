"""What the models look at: the same maps of the same images, side by side and on one scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.html import PERCENT, Panel, fill
from assay.report.pictures import classes as class_picture
from assay.report.pictures import heat, picture, reddened, swatch, upright
from assay.report.seen import Seen

TEMPLATE = """
{% for method in methods %}
<h3>{{ method.title }}</h3>
<p class="expert">{{ method.about }}</p>
<div class="scroll" tabindex="0" role="group" aria-label="{{ method.title }}"><table class="maps">
<thead><tr><th scope="col">image</th>
{% for head in method.head %}<th scope="col">{{ head }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in method.rows %}<tr><th scope="row">{{ row.image }}<small>{{ row.label }}</small></th>
{% for cell in row.cells %}<td>{{ cell.picture }}<small>{{ cell.text }}</small></td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>
{% for line in method.words %}<p class="expert">{{ line }}</p>{% endfor %}
{% endfor %}
"""


SCALE = "Each map is drawn from 0 to the largest value in its row, so that models can be compared."
PLACES = (
    "Dark is 0. A square is a place of the patch: that on the left is at the left edge of the image, and a dark one is "
    "where covering takes the label away; beside the class stands its probability in the whole image."
)
RED = "The redder a pixel, the more the answer hangs on it; beneath is the image itself, in pale grey."
KEY = '<i class="swatch" style="background: {{ colour }}"></i>{{ name }}&nbsp;{{ share }}&nbsp;%'


@dataclass(frozen=True)
class Maps:
    """The maps of one method on one run."""

    one: Seen
    config: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[f"map.{name}"]


def explanations(seen: list[Seen]) -> Panel:
    """Saliency, occlusion and whatever else the runs hold, for the images that all of them explain."""
    plain = "Which parts of a picture decide. A model that looks at the thing itself is easier to trust."
    groups = groups_of("maps", seen)
    if not groups:
        command = f"assay explain {seen[0].typed} --method saliency"
        return Panel("explanations", "What it looks at", plain, fill=command)
    methods = [_method(maps) for maps in groups]
    return Panel("explanations", "What it looks at", plain, fill(TEMPLATE, methods=methods))


def groups_of(kind: str, seen: list[Seen]) -> list[list[Maps]]:
    """The runs' explanations of that kind, those of the same name together: same method, same images, same maps."""
    groups: dict[tuple[object, ...], list[Maps]] = {}
    for one in seen:
        for name in one.run.names("explanations"):
            folder = one.run.explanation(name)
            config = folder.read_json("config.json")
            if config["kind"] == kind:
                maps = Maps(one, config, folder.read_arrays(f"{kind}.safetensors"))
                images = maps.arrays["images"].tobytes() if "images" in maps.arrays else b""
                colours = [maps[key].shape[1] for key in config["maps"] if kind == "filters"]
                groups.setdefault((name, images, *config["maps"], *colours), []).append(maps)
    return list(groups.values())


def _method(group: list[Maps]) -> dict[str, Any]:
    first = group[0]
    kinds = first.config["maps"]
    head = [f"{maps.one.name}: {kind}" for kind in kinds for maps in group]
    rows = []
    for place in range(len(first.arrays["images"])):
        label = first.config["classes"][int(first.arrays["labels"][place])]
        cells = [_cell(group, maps, kind, place) for kind in kinds for maps in group]
        image = picture(upright(first.arrays["images"][place]), f"image {first.arrays['index'][place]}, a {label}")
        rows.append({"image": image, "label": f"{label} · image {first.arrays['index'][place]}", "cells": cells})
    key = RED if "saliency" in kinds else PLACES if first.config["name"] == "occlusion" else ""
    about = f"{first.config['unit']}. {SCALE} {key}"
    return {"title": first.config["method"], "about": about, "head": head, "rows": rows, "words": _words(group)}


def _words(group: list[Maps]) -> list[str]:
    return [f"{maps.one.name}: {line}" for maps in group for line in maps.config["words"]]


def _cell(group: list[Maps], maps: Maps, kind: str, place: int) -> dict[str, Any]:
    values, names = maps[kind][place], maps.config["classes"]
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
    largest = max(float(other[kind][place].max()) for other in group)
    explained = int(maps.arrays["explained"][place])
    probability = 100 * float(maps.arrays["probability"][place, explained])
    high = float(values.max())
    low = float(values.min()) if abs(values.min()) > high / 1000 else 0.0  # 6e-06 to 1 is 0 to 1 to the eye
    text = f"{names[explained]} ({probability:.0f}{PERCENT}) · {_number(kind, low)} to {_number(kind, high)}"
    image = maps.arrays["images"][place]
    over = kind == "saliency" and values.shape == image.shape[1:]
    drawn = reddened(image, values, largest) if over else heat(values, largest)
    return {"picture": picture(drawn, f"{kind} map"), "text": text}


def _number(kind: str, value: float) -> str:
    return f"{100 * value:.0f}{PERCENT}" if kind == "probability" else f"{value:.2g}"

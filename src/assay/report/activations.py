"""What every filter answers to a picture, layer by layer, for all runs on one scale; and which never answer."""

from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.explanations import Maps, groups_of
from assay.report.filters import CAP, capped
from assay.report.html import Panel, fill, folded
from assay.report.pictures import montage, picture, signed, upright
from assay.report.seen import Seen
from assay.report.twins import twins

SHOWN = 6  # images
LISTED = 16  # of the filters that are silent
PLAIN = (
    "What every filter answers to a picture. Red goes on to the next layer, blue is cut off on the way. "
    "A filter that is red nowhere, on none of the pictures, is dead on them, if a ReLU follows: nothing of it arrives."
)
KEY = (
    "Outputs of the convolutions before the ReLU, a square for each filter, row by row. Blue is below 0, white 0, red "
    "above, on one scale within a layer; where a batch norm follows at once, they are normalised. Filters that are "
    "nowhere above 0 are framed in black."
)
COUNTED = """<p class="expert">{{ key }}</p>
<div class="pair">{% for one in runs %}
<div class="run{{ one.place }}"><span class="key" aria-hidden="true"></span>{{ one.name }}
<ul class="words">{% for line in one.words %}<li>{{ line }}</li>{% endfor %}</ul></div>
{% endfor %}</div>"""
IMAGE = """<div class="layers"><p>{{ image }} <b>{{ name }}</b></p>
{% for layer in layers %}
<h4>{{ layer.title }} <small>drawn from −{{ layer.scale }} to {{ layer.scale }}</small></h4>
<div class="pair">{% for one in layer.runs %}
<figure class="grid"><figcaption class="run{{ one.place }}"><span class="key" aria-hidden="true"></span>{{ one.name }}
<small>{{ one.words }}</small></figcaption>{{ one.picture }}</figure>
{% endfor %}</div>
{% endfor %}</div>"""


def activations(seen: list[Seen]) -> Panel:
    """The first image that was explained, and folded the others."""
    groups = groups_of("activations", seen)
    if not groups:
        return Panel("activations", "Activations", PLAIN, fill=f"assay explain {seen[0].typed} --method activations")
    parts = [
        twins(group, place) if group[0].config.get("threat") else _group(group) for place, group in enumerate(groups)
    ]
    return Panel("activations", "Activations", PLAIN, Markup("\n").join(parts))


def _group(group: list[Maps]) -> Markup:
    runs = [{"name": maps.one.name, "place": maps.one.place, "words": maps.config["words"]} for maps in group]
    n = len(group[0].arrays["index"])
    images = [_image(group, place) for place in range(min(SHOWN, n))]
    parts = [
        fill("<h3>{{ method }}</h3>", method=group[0].config["method"]),
        fill(COUNTED, key=KEY, runs=runs),
        images[0],
    ]
    if n > 1:
        others = f"{len(images) - 1} other images" + (f", of {n - 1}" if n > SHOWN else "")
        parts.append(folded(others, Markup("\n").join(images[1:])))
    return Markup("\n").join(parts)


def _image(group: list[Maps], place: int) -> Markup:
    arrays = group[0].arrays
    label = group[0].config["classes"][int(arrays["labels"][place])]
    name = f"{label} · image {arrays['index'][place]}"
    layers = [_layer(group, title, place, name) for title in group[0].config["maps"]]
    return fill(IMAGE, image=picture(upright(arrays["images"][place]), f"a {name}"), name=name, layers=layers)


def _layer(group: list[Maps], title: str, place: int, name: str) -> dict[str, Any]:
    largest = max(float(np.abs(maps[title][:SHOWN]).max()) for maps in group)
    runs = []
    for maps in group:
        values = maps[title][place].astype(np.float32)
        silent = np.flatnonzero((maps[title] <= 0).all((0, 2, 3)))
        words = [
            f"{values.min():.3g} to {values.max():.3g}".replace("-", "−"),
            *capped(len(values)),
            *_listed(silent.tolist()),
        ]
        tiles = [signed(one[None], largest) for one in values[:CAP]]
        alt = f"{maps.one.name}, {title}: what its filters answer to a {name}"
        drawn = montage(tiles, alt, silent[silent < CAP].tolist())
        runs.append({"name": maps.one.name, "place": maps.one.place, "words": " · ".join(words), "picture": drawn})
    return {"title": title, "scale": f"{largest:.3g}", "runs": runs}


def _listed(silent: list[int]) -> list[str]:
    if not silent:
        return []
    more = f" and {len(silent) - LISTED} more" if len(silent) > LISTED else ""
    return [f"nowhere above 0, counted from 0: {', '.join(map(str, silent[:LISTED]))}{more}"]

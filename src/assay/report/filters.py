"""The filters of a layer: the weights as pictures, for all runs on one scale."""

from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.explanations import Maps, groups_of
from assay.report.html import Panel, fill
from assay.report.pictures import GREY, WHITE, montage, signed
from assay.report.seen import Seen

CAP = 64  # filters of a layer that are drawn
PLAIN = "The small patterns that a layer looks for: where the picture resembles a filter, its answer is large."
TEMPLATE = """
{% for layer in layers %}
<h3>{{ layer.title }}</h3>
<p class="expert">{{ layer.scale }}</p>
<div class="pair">{% for one in layer.runs %}
<figure class="grid"><figcaption class="run{{ one.place }}"><span class="key" aria-hidden="true"></span>{{ one.name }}
<small>{{ one.words | join(" · ") }}</small></figcaption>{{ one.picture }}</figure>
{% endfor %}</div>
{% endfor %}
"""


def filters(seen: list[Seen]) -> Panel:
    """Every layer that the runs were asked for, a grid for each run."""
    groups = groups_of("filters", seen)
    if not groups:
        return Panel("filters", "Filters", PLAIN, fill=f"assay explain {seen[0].typed} --method filters")
    layers = [_layer(group, title) for group in groups for title in group[0].config["maps"]]
    return Panel("filters", "Filters", PLAIN, fill(TEMPLATE, layers=layers))


def _layer(group: list[Maps], title: str) -> dict[str, Any]:
    largest = max(float(np.abs(maps[title]).max()) for maps in group)
    if group[0][title].shape[1] == 1:
        scale = f"Blue is −{largest:.3g}, white is 0, red is {largest:.3g}, in every grid."
    else:
        scale = (
            f"Red, green and blue of the image; grey is 0, dark −{largest:.3g}, bright {largest:.3g}, in every grid."
        )
    runs = [
        {
            "name": maps.one.name,
            "place": maps.one.place,
            "words": [
                *(line.replace(" -", " −") for line in maps.config["words"]),
                *capped(len(maps[title])),
            ],
            "picture": _grid(maps[title], largest, f"{maps.one.name}, {title}: the filters"),
        }
        for maps in group
    ]
    return {"title": title, "scale": scale, "runs": runs}


def capped(n: int) -> list[str]:
    """What to say where not all filters are drawn."""
    return [f"the first {CAP} of {n} are drawn"] if n > CAP else []


def _grid(weights: np.ndarray, largest: float, alt: str) -> Markup:
    between = GREY if weights.shape[1] == 1 else WHITE  # grey is the 0 of a coloured filter
    return montage([signed(weight, largest) for weight in weights[:CAP]], f"{alt}, row by row", between=between)

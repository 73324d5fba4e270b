"""What the models look at: the same maps of the same images, side by side and on one scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.html import PERCENT, Panel, fill
from assay.report.judged import Judged, judged
from assay.report.pictures import classes as class_picture
from assay.report.pictures import heat, picture, reddened, signed, spread_over, swatch, upright
from assay.report.quality import mark, quality
from assay.report.seen import Seen

TEMPLATE = """
{% for sheet in sheets %}
<div class="scroll" tabindex="0" role="group" aria-label="{{ sheet.title }}"><table class="maps">
<thead><tr><th scope="col">method and model</th>
{% for image in sheet.images %}<th scope="col">{{ image.picture }}<small>{{ image.label }}</small></th>{% endfor %}
</tr></thead>
{% for method in sheet.methods %}<tbody>
<tr><th scope="rowgroup" class="method" colspan="{{ sheet.images | length + 1 }}">{{ method.title }}</th></tr>
{% for row in method.rows %}<tr><th scope="row"><span class="run{{ row.place }}"><span class="key" aria-hidden="true">
</span>{{ row.name }}</span>{% if row.kind %}<small>{{ row.kind }}</small>{% endif %}{{ row.mark }}</th>
{% for cell in row.cells %}<td>{{ cell.picture }}<small>{{ cell.text }}</small></td>{% endfor %}</tr>
{% endfor %}</tbody>{% endfor %}
</table></div>
{% for method in sheet.methods %}
<h3>{{ method.title }}: is it true?</h3>
<p class="expert">{{ method.about }}</p>
{{ method.quality }}
{% for line in method.words %}<p class="expert">{{ line }}</p>{% endfor %}
{% endfor %}
{% endfor %}
"""


SCALE = "Each map is drawn from 0 to the largest value that any model has for its image, so that they can be compared."
SIGNED = (
    "Red speaks for the class, blue against it, white is 0; full colour is the largest size that any model has "
    "for its image, so that they can be compared."
)
OVER = ("saliency", "smoothgrad", "grad_cam")  # drawn in red over the image
COARSE = "The redder a place, the more it speaks for the class; a square is one place of the layer."
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
    quality: Judged | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[f"map.{name}"]


def explanations(seen: list[Seen]) -> Panel:
    """Saliency, occlusion and whatever else the runs hold, for the images that all of them explain."""
    plain = "Which parts of a picture decide. A model that looks at the thing itself is easier to trust."
    groups = groups_of("maps", seen)
    if not groups:
        command = f"assay explain {seen[0].typed} --method saliency"
        return Panel("explanations", "What it looks at", plain, fill=command)
    sheets: dict[bytes, list[dict[str, Any]]] = {}
    for number, group in enumerate(groups):
        sheets.setdefault(group[0].arrays["images"].tobytes(), []).append(_method(number, group))
    drawn = [
        {"images": methods[0]["images"], "methods": methods, "title": ", ".join(one["title"] for one in methods)}
        for methods in sheets.values()
    ]
    return Panel("explanations", "What it looks at", plain, fill(TEMPLATE, sheets=drawn))


def groups_of(kind: str, seen: list[Seen]) -> list[list[Maps]]:
    """The runs' explanations of that kind, those of the same name together: same method, same images, same maps."""
    groups: dict[tuple[object, ...], list[Maps]] = {}
    for one in seen:
        for name in one.run.names("explanations"):
            folder = one.run.explanation(name)
            config = folder.read_json("config.json")
            if config["kind"] == kind:
                maps = Maps(one, config, folder.read_arrays(f"{kind}.safetensors"), judged(one.name, one.place, folder))
                images = maps.arrays["images"].tobytes() if "images" in maps.arrays else b""
                colours = [maps[key].shape[1] for key in config["maps"] if kind == "filters"]
                made = _made(maps) if kind == "class_images" else ()
                groups.setdefault((name, images, *config["maps"], *colours, *made), []).append(maps)
    return list(groups.values())


def _made(maps: Maps) -> tuple[object, ...]:
    """For which classes images of what size were made, and from which noises."""
    of = (maps.arrays[key].tobytes() for key in ("explained", "start"))
    return (*maps.config["classes"], *maps["image"].shape, *of)


def _method(number: int, group: list[Maps]) -> dict[str, Any]:
    first = group[0]
    kinds, places = first.config["maps"], range(len(first.arrays["images"]))
    rows = [
        {
            "name": maps.one.name,
            "place": maps.one.place,
            "kind": kind if len(kinds) > 1 else "",
            "mark": mark(maps.quality),
        }
        | {"cells": [_cell(group, maps, kind, place) for place in places]}
        for kind in kinds
        for maps in group
    ]
    name = first.config["name"]
    key = COARSE if name == "grad_cam" else RED if name in OVER else PLACES if name == "occlusion" else ""
    scale = SIGNED if any(_two_signs(group, kind) for kind in kinds) else SCALE
    return {
        "title": first.config["method"],
        "about": f"{first.config['unit']}. {scale} {key}",
        "images": [_image(first, place) for place in places],
        "rows": rows,
        "words": _words(group),
        "quality": quality(number, first.config["method"], [maps.quality for maps in group if maps.quality]),
    }


def _image(maps: Maps, place: int) -> dict[str, Any]:
    label, index = maps.config["classes"][int(maps.arrays["labels"][place])], maps.arrays["index"][place]
    drawn = picture(upright(maps.arrays["images"][place]), f"image {index}, a {label}")
    return {"picture": drawn, "label": f"{label} · image {index}"}


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
    return {"picture": picture(_drawn(group, maps, kind, place), f"{kind} map"), "text": _told(maps, kind, place)}


def _drawn(group: list[Maps], maps: Maps, kind: str, place: int) -> np.ndarray:
    """On one scale for all runs."""
    values, image = maps[kind][place], maps.arrays["images"][place]
    if _two_signs(group, kind):
        return signed(values[None], max(float(np.abs(other[kind][place]).max()) for other in group))
    largest = max(float(other[kind][place].max()) for other in group)
    if kind in OVER and all(there <= wide for there, wide in zip(values.shape, image.shape[1:], strict=True)):
        return reddened(image, spread_over(values, image.shape[1:]), largest)
    return heat(values, largest)


def _two_signs(group: list[Maps], kind: str) -> bool:
    """Whether such maps go below 0, anywhere."""
    return kind != "class" and any(float(maps[kind].min()) < 0 for maps in group)


def _told(maps: Maps, kind: str, place: int) -> str:
    """The class and its probability, the smallest and the largest value, and what else is known of this image."""
    values = maps[kind][place]
    explained = int(maps.arrays["explained"][place])
    probability = 100 * float(maps.arrays["probability"][place, explained])
    high = float(values.max())
    low = float(values.min()) if abs(values.min()) > abs(high) / 1000 else 0.0  # 6e-06 to 1 is 0 to 1 to the eye
    sure = f"{maps.config['classes'][explained]} ({probability:.0f}{PERCENT})"
    first = kind == maps.config["maps"][0]
    numbers = [f"{key} {maps.arrays[f'number.{key}'][place]:.2g}" for key in maps.config.get("numbers") or () if first]
    return " · ".join([sure, f"{_number(kind, low)} to {_number(kind, high)}", *numbers])


def _number(kind: str, value: float) -> str:
    return f"{100 * value:.0f}{PERCENT}" if kind == "probability" else f"{value:.2g}"

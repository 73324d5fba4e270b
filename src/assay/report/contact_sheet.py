"""What the models were shown: some images of every class, in rows, with the classes' names."""

from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.html import Panel, fill, table
from assay.report.pictures import beside, picture, upright
from assay.report.seen import Seen

TEMPLATE = """
<div class="scroll" tabindex="0" role="group" aria-label="Some images of each class"><table class="sheet">
<tbody>{% for name, count, row in rows %}<tr><th scope="row">{{ name }}<small>{{ count }}</small></th>
<td>{{ row }}</td></tr>{% endfor %}</tbody></table></div>
"""


def contact_sheet(seen: list[Seen]) -> Panel:
    """What the models were shown: of each data set some images of every class, and how many there are."""
    plain = "What the model was taught with. Labels that look wrong here are wrong in every number of this page."
    sets: dict[str, tuple[dict[str, Any], np.ndarray]] = {}
    for one in seen:
        if one.run.has("panels/data.json"):
            about = one.run.read_json("panels/data.json")
            prints = str(sorted(split["fingerprint"] for split in about["splits"].values()))
            sets.setdefault(prints, (about, one.run.read_arrays("panels/data.safetensors")["sheet"]))
    if not sets:
        return Panel("contact-sheet", "The data", plain, fill="assay train mnist_cnn")
    return Panel("contact-sheet", "The data", plain, Markup().join(_set(*found) for found in sets.values()))


def _set(about: dict[str, Any], sheet: np.ndarray) -> Markup:
    size = " × ".join(map(str, about["shape"]))
    rows = [
        ("task", f"{about['task']}: an image in, one of {len(about['classes'])} classes out"),
        ("input", f"{size} = {about['features']} features, of [0, 1]"),
        ("mean of each channel", " ".join(f"{value:.4f}" for value in about["mean"])),
        ("standard deviation", " ".join(f"{value:.4f}" for value in about["std"])),
        *((f"{split} images", _counts(part)) for split, part in about["splits"].items()),
    ]
    first = next(iter(about["splits"].values()))["per_class"]
    shown = [
        (name, first[place], picture(upright(beside(sheet[place])), f"some images of class {name}", "row"))
        for place, name in enumerate(about["classes"][: len(sheet)])
    ]
    return table(("what", "value"), rows, about["name"]) + fill(TEMPLATE, rows=shown)


def _counts(part: dict[str, Any]) -> str:
    low, high = min(part["per_class"]), max(part["per_class"])
    return f"{part['images']}, {low if low == high else f'{low} to {high}'} a class"

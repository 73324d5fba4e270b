"""Contact sheets: some images of every class, in rows, with the classes' names; as a file, and as a panel."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from assay.files import whole
from assay.report.figures import unwarned
from assay.report.html import Panel, fill, table
from assay.report.pictures import picture
from assay.report.seen import Seen

ROW = 0.42  # inches
TEMPLATE = """
<div class="scroll" tabindex="0" role="region" aria-label="Some images of each class"><table class="sheet">
<tbody>{% for name, count, row in rows %}<tr><th scope="row">{{ name }}<small>{{ count }}</small></th>
<td>{{ row }}</td></tr>{% endfor %}</tbody></table></div>
"""


def draw(sheet: np.ndarray, classes: Sequence[str], path: Path) -> None:
    """Write images (K, n, C, h, w), a row for each class, as a PNG."""
    rows, n, _, height, width = sheet.shape
    columns = -(-rows // 25)
    each = -(-rows // columns)
    figure = Figure((columns * (1.6 + n * ROW * width / height), each * ROW + 0.1), dpi=150)
    grid = figure.subplots(each, columns, squeeze=False, gridspec_kw={"hspace": 0.08, "wspace": 0.3})
    for place, ax in enumerate(grid.T.flat):
        ax.axis("off")
        if place < rows:
            image = np.moveaxis(_row(sheet[place]), 0, 2)
            ax.imshow(image.repeat(3, 2) if image.shape[2] == 1 else image, interpolation="nearest")
            name = classes[place] if len(classes[place]) <= 16 else f"{classes[place][:15]}…"
            ax.text(-0.02, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=8, parse_math=False)
    with whole(path) as part, unwarned():
        figure.savefig(part, format="png", bbox_inches="tight", pad_inches=0.08)


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


def _row(images: np.ndarray) -> np.ndarray:
    """Images (n, C, h, w) beside each other."""
    return np.concatenate(list(images), axis=2)


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
        (name, first[place], picture(_row(sheet[place]), f"some images of class {name}", "row"))
        for place, name in enumerate(about["classes"][: len(sheet)])
    ]
    return table(("what", "value"), rows, about["name"]) + fill(TEMPLATE, rows=shown)


def _counts(part: dict[str, Any]) -> str:
    low, high = min(part["per_class"]), max(part["per_class"])
    return f"{part['images']}, {low if low == high else f'{low} to {high}'} a class"

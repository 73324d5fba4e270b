"""A contact sheet as a picture file: some images of every class, in rows, with the classes' names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from assay.files import whole
from assay.report.figures import unwarned
from assay.report.pictures import beside, upright

ROW = 0.42  # inches


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
            image = upright(beside(sheet[place]))
            ax.imshow(image.repeat(3, 2) if image.shape[2] == 1 else image, interpolation="nearest")
            name = classes[place] if len(classes[place]) <= 16 else f"{classes[place][:15]}…"
            ax.text(-0.02, 0.5, name, transform=ax.transAxes, ha="right", va="center", fontsize=8, parse_math=False)
    with whole(path) as part, unwarned():
        figure.savefig(part, format="png", bbox_inches="tight", pad_inches=0.08)

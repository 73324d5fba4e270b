"""The page of a lab: its rows, its lessons, and then the panels of its runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from markupsafe import Markup

from assay.cli.labs.bench import Bench
from assay.cli.labs.plan import Lab, Row
from assay.lessons.paper.sketch import Grid, Plane
from assay.report.figures import svg
from assay.report.html import Panel, fill, table
from assay.sketching import drawn

HEAD = ("row", "what", "theirs", "ours (95 %)", "beside theirs", "why")
PLAIN = (
    "What the course writes, and what we measured. A share of images counts as theirs where their number, or its own "
    "interval if it is known of how many images it is, meets the 95 % interval of ours. An attack is better that "
    "leaves less, a network that is right more often."
)
QUICK = " This is the quick form: networks that have hardly learnt, on few images. It shows the way, not the figures."
LESSON = """<h3>{{ title }}</h3><div class="pair">{% for figure in figures %}{{ figure }}{% endfor %}</div>
<details><summary>every step</summary><pre>{{ text }}</pre></details>"""


def panels(lab: Lab, bench: Bench, rows: Sequence[Row]) -> list[Panel]:
    """Those that come before the panels of the runs."""
    cells = [(row.row, row.what, row.theirs or "–", row.ours, row.said, row.why) for row in rows]
    counts = ", ".join(f"{n} {said}" for said, n in Counter(row.said for row in rows).items())
    body = table(HEAD, cells, f"{len(rows)} rows: {counts}")
    found = [Panel("rows", "Theirs and ours", PLAIN + QUICK * bench.quick, body)]
    if lab.lessons:
        plain = "Every number twice: step by step as on paper, in exact fractions where it can be, and by torch."
        found.append(Panel("lessons", "By hand", plain, Markup("").join(_lesson(bench, name) for name in lab.lessons)))
    return found


def _lesson(bench: Bench, name: str) -> Markup:
    found = bench.lesson(name)
    panels = found.sketch.panels
    grids = tuple(panel for panel in panels if isinstance(panel, Grid))  # whose cells are of one size
    apart: list[tuple[Grid | Plane, ...]] = [(panel,) for panel in panels if isinstance(panel, Plane)]
    apart = [grids, *apart] if grids else apart
    sketches = [replace(found.sketch, panels=each) for each in apart]
    figures = [svg(drawn(one), f"lesson-{name}-{n}", found.title, one.words) for n, one in enumerate(sketches)]
    return fill(LESSON, title=found.title, figures=figures, text=str(found))


def text(rows: Sequence[Row]) -> str:
    """The rows for a terminal."""
    widest = [max(len(getattr(row, field)) for row in rows) for field in ("what", "theirs", "ours")]
    return "\n".join(
        f"  {row.row:<3} {row.what:<{widest[0]}}  {row.theirs or '–':>{widest[1]}}  {row.ours:<{widest[2]}}  {row.said}"
        for row in rows
    )

"""Figures as SVG inside the page: colours from its style, so that they turn with light and dark; text stays text."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import is_color_like, to_hex, to_rgba, to_rgba_array
from matplotlib.figure import Figure

INK, RULE = "#010101", "#020202"
RUNS = tuple(f"#0{place}0{place}0{place}" for place in range(3, 9))
MARKERS, DASHES = "os^Dvp", ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
STYLES = {INK: "var(--ink)", RULE: "var(--rule)"} | {colour: f"var(--run{place})" for place, colour in enumerate(RUNS)}
COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")  # what an artist may have
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "assay",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # a $ of a user's is a $
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": RULE,
    "legend.frameon": False,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """A figure of so many inches, and its axes; the caller's settings of matplotlib stay as they are."""
    with mpl.rc_context(SETTINGS):
        figure = Figure((width, height), layout="constrained")
        figure.patch.set_alpha(0)
        ax = figure.subplots()
        ax.patch.set_alpha(0)
        yield figure, ax


def key(text: str) -> str:
    """A user's word for a legend, which leaves out what begins with an underscore."""
    return f"\N{ZERO WIDTH SPACE}{text}" if text.startswith("_") else text


@contextmanager
def unwarned() -> Iterator[None]:
    """No words about signs that matplotlib has no font for: a browser has one, and elsewhere a box stands for them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def pixels(figure: Figure) -> np.ndarray:
    """The figure as (H, W, 3) in 8 bit, for where no page is: in the page's colours on white."""
    with mpl.rc_context(SETTINGS), unwarned():
        in_colour(figure)
        figure.set_dpi(120)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def in_colour(figure: Figure) -> Figure:
    """The same figure in the page's light colours on white, where no page gives it any: for notebooks and files."""
    style = files("assay.report").joinpath("page.css").read_text("utf-8")
    found = {name: re.search(rf"{name[4:-1]}: (#[0-9a-f]+)", style) for name in STYLES.values()}
    light = {colour: match.group(1) for colour, name in STYLES.items() if (match := found[name])}
    for artist in figure.findobj():
        for what in COLOURED:
            get, put = (getattr(artist, f"{verb}_{what}", None) for verb in ("get", "set"))
            if get is None or put is None:
                continue
            now: Any = get()
            first = to_rgba_array(now) if is_color_like(now) or len(np.shape(now)) == 2 else np.zeros((0, 4))
            if len(first) and (colour := light.get(to_hex(first[0]))):
                put(to_rgba(colour, first[0][3]))
    figure.patch.set(alpha=1, facecolor="white")
    return figure


def svg(figure: Figure, name: str, title: str, text: str) -> Markup:
    """The figure as an <svg> with a title and a text that says what is seen. `name` keeps its ids apart."""
    buffer = io.StringIO()
    with mpl.rc_context(SETTINGS), unwarned():
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = re.sub(r"<metadata>.*?</metadata>", "", buffer.getvalue(), flags=re.DOTALL)
    drawn = _lean(drawn[drawn.index("<svg") :])
    drawn = re.sub(r'\bid="', f'id="{name}-', drawn)
    drawn = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", drawn)
    for colour, style in STYLES.items():
        drawn = drawn.replace(colour, style)
    head = f'<svg class="figure" role="img" aria-labelledby="{name}-title {name}-text" '
    drawn = re.sub(r'<svg (?:[^>]*?)(viewBox="[^"]*")[^>]*>', rf"{head}\1>", drawn, count=1, flags=re.DOTALL)
    labels = f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-text">{escape(text)}</desc>'
    return Markup(re.sub(r"(<svg[^>]*>)", lambda found: found.group(1) + labels, drawn, count=1))


def _lean(drawn: str) -> str:
    """The same figure in half the bytes: the eye sees no more than a hundredth of a point, and few ids are asked for.

    What stands between tags, the text, stays as it is.
    """
    asked = set(re.findall(r'(?:url\(#|href="#)([^")]+)', drawn))

    def tag(found: re.Match[str]) -> str:
        rounded = re.sub(r"(\d+\.\d\d)\d+", r"\g<1>", found.group())
        named = re.sub(r' id="([^"]*)"', lambda one: one.group() if one.group(1) in asked else "", rounded)
        plain = re.sub(r"font-family: [^;\"]*; | transform=\"rotate\(-0 [^)]*\)\"", "", named)  # page.css says it once
        return re.sub(r"\s+", " ", plain)

    return re.sub(r">\s+<", ">\n<", re.sub(r"<[^>]+>", tag, drawn))

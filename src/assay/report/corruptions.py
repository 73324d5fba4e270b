"""Accuracy where nobody attacks: noise, blur, contrast, brightness, rotation and shift, from weak to strong."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.corrupted_folder import KIND, corrupted_of, figures_of, names_of, strengths_of
from assay.report.figures import MARKERS, RUNS, drawing, key, svg
from assay.report.html import PERCENT, Panel, fill, folded, percent, table
from assay.report.pictures import picture, upright
from assay.report.seen import Seen

PLAIN = (
    "What noise, blur, little contrast, too much light, a turned or shifted camera do to the model, though nobody "
    "attacks it. Robustness to an enemy does not promise this, nor the other way round."
)
TITLE, GAP, WHITE = "Where nobody attacks", 1, 255
TEMPLATE = """<ul class="words">{% for line in lines %}<li>{{ line }}</li>{% endfor %}</ul>
<div class="pair">{% for figure in figures %}<div>{{ figure }}</div>{% endfor %}</div>
<p>One image of {{ data }}, the first, at strength 0 (as it is) to {{ most }}:</p>
<div class="pair">{% for name, about, row in pictures %}<figure class="grid"><figcaption><b>{{ name }}</b>
<small>{{ about }}</small></figcaption>{{ row }}</figure>{% endfor %}</div>"""


@dataclass(frozen=True)
class Look:
    """One look at corrupted images: its settings, its figures counted from its table, and its examples."""

    one: Seen
    settings: dict[str, Any]
    figures: dict[str, Any]
    examples: np.ndarray

    def of(self, name: str) -> list[dict[str, Any]]:
        """The lines of a corruption, from strength 0 on."""
        lines = [line for line in self.figures["lines"] if line["corruption"] == name]
        return [{"strength": 0, **self.figures["clean"]}, *lines]


def corruptions(seen: list[Seen]) -> Panel:
    """Accuracy against strength for each corruption, all runs on one scale, and what the strengths look like."""
    found = _looks(seen)
    if not found:
        return Panel(KIND, TITLE, PLAIN, fill=f"assay corrupt {seen[0].typed}")
    first = found[0].settings
    body = fill(
        TEMPLATE,
        lines=[_words(look) for look in found],
        figures=[_figure(name, found) for name in names_of(first)],
        data=f"{first['data']} {first['split']}",
        most=strengths_of(first)[-1],
        pictures=_pictures(found[0]),
    )
    head = ("model", "corruption", "strength", "amount", "right (95 %)", "ECE", "images")
    rows = [row for look in found for row in _rows(look)]
    return Panel(KIND, TITLE, PLAIN, body + folded("the numbers", table(head, rows, "Accuracy on corrupted images")))


def _looks(seen: list[Seen]) -> list[Look]:
    """Of each run the newest that all of them have, if there is one, else its newest."""
    names = {one.place: one.run.names(KIND) for one in seen}
    having = [one for one in seen if names[one.place]]
    shared = set.intersection(*(set(names[one.place]) for one in having)) if having else set()
    found = []
    for one in having:
        name = ([name for name in names[one.place] if name in shared] or names[one.place])[-1]
        folder = corrupted_of(one.run, name)
        settings = folder.read_json("config.json")
        found.append(Look(one, settings, figures_of(folder), folder.read_arrays("examples.safetensors")["images"]))
    return found


def _words(look: Look) -> str:
    figures, settings = look.figures, look.settings
    worst = min(figures["each"], key=lambda line: float(line["share"]))
    many = f"{len(figures['lines'])} corruptions and strengths"
    return (
        f"{look.one.name}: {percent(figures['clean'])} on {settings['n']} clean {settings['split']} images of "
        f"{settings['data']}, {percent(figures['mean'])} on average over {many}. What hurts most: "
        f"{worst['corruption']}, {percent(worst)} on average."
    )


def _figure(name: str, found: list[Look]) -> Markup:
    with drawing(3.4, 2.7) as (figure, ax):
        for look in found:
            lines, place = look.of(name), look.one.place
            strength = [line["strength"] for line in lines]
            share, low, high = ([100 * line[what] for line in lines] for what in ("share", "low", "high"))
            colour = RUNS[place % len(RUNS)]
            ax.fill_between(strength, low, high, color=colour, alpha=0.18, linewidth=0)
            ax.plot(strength, share, color=colour, marker=MARKERS[place % len(MARKERS)], ms=4, label=key(look.one.name))
        ax.set(ylim=(-2, 103), xlabel="strength", ylabel="accuracy, %", title=name)
        figure.legend(loc="outside lower center", ncols=min(2, len(found)), fontsize=9)
        said = "; ".join(
            f"{look.one.name} falls from {_plain(look.of(name)[0])} to {_plain(look.of(name)[-1])}" for look in found
        )
        return svg(figure, f"{KIND}-{name}", f"Accuracy under {name}", f"{said}.")


def _pictures(look: Look) -> list[tuple[str, str, Markup]]:
    rows = []
    for one, images in zip(look.settings["corruptions"], look.examples, strict=True):
        tiles = np.pad(images, ((0, 0), (0, 0), (0, 0), (0, GAP)), constant_values=WHITE)
        strip = upright(np.concatenate(list(tiles), axis=2)[..., :-GAP])
        drawn = picture(strip, f"an image under {one['name']}, weak to strong", width="100%", exact=True)
        rows.append((one["name"], f"{', '.join(map(_short, one['amounts']))}: {one['unit']}", drawn))
    return rows


def _rows(look: Look) -> list[tuple[object, ...]]:
    amounts = {one["name"]: one["amounts"] for one in look.settings["corruptions"]}
    rows: list[tuple[object, ...]] = [(look.one.name, "none", 0, "–", percent(look.figures["clean"]), "–", "")]
    for line in look.figures["lines"]:
        name, strength = line["corruption"], line["strength"]
        sure = line["ece"] is not None and look.settings.get("access") != "labels"
        error = f"{100 * line['ece']:.1f}{PERCENT}" if sure else "–"
        rows.append(
            (look.one.name, name, strength, _short(amounts[name][strength - 1]), percent(line), error, line["n"])
        )
    return rows


def _short(amount: float) -> str:
    return f"{amount:.3g}"


def _plain(line: dict[str, Any]) -> str:
    return percent(line, interval=False)

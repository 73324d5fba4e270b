"""The gallery: clean, change, attacked, with probabilities; chosen by rule, not by hand."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.report.html import Panel, answer, fill
from assay.report.pictures import eight_bit, picture, signed, upright
from assay.report.seen import Evaluated, Seen

TEMPLATE = """
<p class="expert">{{ attack }} at eps {{ eps }}; changes are drawn from blue (−{{ scale }}) over white to red
(+{{ scale }}). Rules: easiest, broken by the smallest eps; hardest, by the largest or by none; random, by seed.</p>
{% for run in runs %}
<h3 class="run{{ run.place }}"><span class="key" aria-hidden="true"></span>{{ run.name }}</h3>
<div class="cards">
{% for card in run.cards %}
<figure class="card">
<div class="three">{{ card.clean }}{{ card.change }}{{ card.attacked }}</div>
<figcaption><b>{{ card.before }}</b> → <b>{{ card.after }}</b>
<small>{{ card.rule }} · image {{ card.index }} · {{ card.verdict }}</small></figcaption>
</figure>
{% endfor %}
</div>
{% endfor %}
"""


@dataclass(frozen=True)
class Gallery:
    """The arrays and words of a gallery, a row for each picture."""

    attack: str
    classes: list[str]
    pictures: list[dict[str, Any]]
    clean: np.ndarray
    adversarial: np.ndarray
    before: np.ndarray
    after: np.ndarray


def read_gallery(attacked: Evaluated) -> Gallery | None:
    """The gallery of an evaluation; None if no image was right to begin with."""
    if not attacked.folder.has("gallery.json"):
        return None
    words, arrays = attacked.folder.read_json("gallery.json"), attacked.folder.read_arrays("gallery.safetensors")
    names = ("clean", "adversarial", "clean_probability", "adversarial_probability")
    return Gallery(words["attack"], attacked.settings["classes"], words["pictures"], *(arrays[name] for name in names))


def gallery(seen: list[Seen]) -> Panel:
    """For each run the same kinds of pictures, side by side."""
    plain = "Attacked pictures. Left: the picture; middle: the change; right: what the model was shown."
    found = [(one, one.attacked, read_gallery(one.attacked)) for one in seen if one.attacked]
    shown = [(one, attacked, pictures) for one, attacked, pictures in found if pictures]
    if not shown:
        return Panel("gallery", "Gallery", plain, fill=f"assay evaluate {seen[0].typed}")
    scale = max(float(np.nan_to_num(np.abs(g.adversarial - g.clean / 255)).max()) for _, _, g in shown)
    runs = [
        {"name": one.name, "place": one.place, "cards": [_card(g, place, scale) for place in range(len(g.pictures))]}
        for one, _, g in shown
    ]
    values = {"attack": shown[0][2].attack, "eps": f"{shown[0][1].eps:.4g}", "scale": f"{scale:.3g}"}
    return Panel("gallery", "Gallery", plain, fill(TEMPLATE, runs=runs, **values))


def _card(found: Gallery, place: int, scale: float) -> dict[str, Any]:
    about = found.pictures[place]
    before, after = (answer(found.classes, side[place]) for side in (found.before, found.after))
    delta = found.adversarial[place] - found.clean[place] / 255
    return {
        "clean": picture(
            upright(found.clean[place]), f"picture {about['index']}, {found.classes[about['label']]}", exact=True
        ),
        "change": picture(signed(delta, scale), "the change, drawn large"),
        "attacked": picture(
            upright(eight_bit(found.adversarial[place])), f"the attacked picture, taken for {after}", exact=True
        ),
        "before": before,
        "after": after,
        "rule": about["rule"],
        "index": about["index"],
        "verdict": about["verdict"],
    }

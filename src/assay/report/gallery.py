"""The gallery: clean, change, attacked, with probabilities; chosen by rule, not by hand; one slider for all."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.report.frames import moving
from assay.report.html import Panel, answer, fill
from assay.report.moved import Frames, read_frames
from assay.report.pictures import eight_bit, picture, signed, upright
from assay.report.seen import Evaluated, Seen

RULES = """<p class="expert">Left, the picture; in the middle the change, {% if grey %}from blue
(−{{ scale }}) over white to red (+{{ scale }}){% else %}in each colour from −{{ scale }} to {{ scale }}, around
grey{% endif %}; right, what the model was shown. Three rules chose: easiest, broken by the smallest eps; hardest, by
the largest or by none; random, by seed. All are images that the model has right.</p>"""
STILL = """
{% for run in runs %}
<h3 class="run{{ run.place }}"><span class="key" aria-hidden="true"></span>{{ run.name }}</h3>
<p class="expert">{{ run.attack }} at eps {{ run.eps }}; this evaluation keeps no frames for the slider.</p>
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
    """For each run the same kinds of pictures, and one slider for all of them."""
    plain = "Move eps: the pictures are changed as far as the enemy may go, and below each stands what the model says."
    found = [(one, one.attacked, read_gallery(one.attacked)) for one in seen if one.attacked]
    shown = [(one, attacked, pictures) for one, attacked, pictures in found if pictures]
    if not shown:
        return Panel("gallery", "Gallery", plain, fill=f"assay evaluate {seen[0].typed}")
    scale = max(float(np.nan_to_num(np.abs(g.adversarial - g.clean / 255)).max()) for _, _, g in shown)
    grey = shown[0][2].clean.shape[1] == 1
    live: list[tuple[Seen, Evaluated, Frames]] = []
    still = []
    for one, attacked, pictures in shown:
        frames = read_frames(attacked, pictures.pictures)
        live += [(one, attacked, frames)] if frames else []
        still += [] if frames else [(one, attacked, pictures)]
    runs = [
        {"name": one.name, "place": one.place, "attack": g.attack, "eps": f"{attacked.eps:.4g}"}
        | {"cards": [_card(g, place, scale) for place in range(len(g.pictures))]}
        for one, attacked, g in still
    ]
    body = fill(RULES, scale=f"{scale:.3g}", grey=grey) + moving(live, scale) + fill(STILL, runs=runs)
    return Panel("gallery", "Gallery", plain, body)


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

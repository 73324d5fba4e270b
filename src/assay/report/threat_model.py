"""The threat model: what the enemy may do, what he wants, what he sees; and what his budget looks like."""

import numpy as np
from markupsafe import Markup

from assay.report.gallery import read_gallery
from assay.report.html import Panel, fill, levels, table
from assay.report.pictures import eight_bit, picture, upright
from assay.report.seen import Evaluated, Seen

SHOWN = 3
STRIP = """<figure class="strip"><figcaption>{{ text }}</figcaption>
{% for clean, noised in shown %}<span>{{ clean }}{{ noised }}</span>{% endfor %}</figure>"""
WORDS = {
    "linf": "every pixel may change, none by more than eps",
    "l2": "every pixel may change; the Euclidean length of all changes together is at most eps",
    "l1": "every pixel may change; all changes together add up to at most eps",
}
KNOWS = {
    "gradients": "white box: the enemy has the weights and their gradients; no defence but the model itself",
    "scores": "black box: the enemy sees the score of every class, and may ask as often as the attacks ask",
    "labels": "black box: the enemy sees the predicted class alone, and may ask as often as the attacks ask",
}
SEARCHED = "search in {}, every verdict in float32"


def threat_model(seen: list[Seen]) -> Panel:
    """The settings that a robust accuracy means nothing without."""
    plain = "Robust against what? A number without this table means nothing."
    attacked = [(one, one.attacked) for one in seen if one.attacked]
    if not attacked:
        return Panel("threat", "Threat model", plain, fill=f"assay evaluate {seen[0].typed} --threat 'linf(0.1)'")
    allowed = [_allowed(evaluation) for _, evaluation in attacked]
    head, note = ["value"], Markup()
    if any(other != allowed[0] for other in allowed):
        head = [one.name for one, _ in attacked]
        note = fill("<p><b>These models were attacked in different ways: their numbers cannot be compared.</b></p>")
    else:
        allowed = allowed[:1]
    rows = [(what, *(values[what] for values in allowed)) for what in allowed[0]]
    body = note + table(("what", *head), rows, "What was allowed") + _looks(attacked[0][1])
    return Panel("threat", "Threat model", plain, body)


def _allowed(one: Evaluated) -> dict[str, str]:
    settings = one.settings
    access = settings.get("access") or "gradients"
    return {
        "norm": f"{settings['norm']}: {WORDS[settings['norm']]}",
        "eps": f"{levels(one.eps, settings['norm'])} in pixels of [0, 1]; a pixel never leaves [0, 1]",
        "images sent": "8 bit, rounded back toward the image" if settings.get("eight_bit") else "float32",
        "goal": settings["goal"] + (": any class but the label" if settings["goal"] == "untargeted" else ""),
        "knowledge": KNOWS[access],
        "attacks": ", ".join(settings["attacks"]),
        "images": f"{settings['n']} of {settings['data']} {settings['split']} ({settings['fingerprint'][:6]})",
        "seed": str(settings["seed"]),
        "arithmetic": SEARCHED.format(settings["precision"]) if access == "gradients" else "the model's own",
    }


def _looks(one: Evaluated) -> Markup:
    """A few images beside the same images with random noise of size eps."""
    found = read_gallery(one)
    if found is None:
        return Markup()
    chance = np.random.default_rng(0)
    shown = []
    for place in range(min(SHOWN, len(found.clean))):
        clean = found.clean[place] / 255
        noise = chance.choice((-1.0, 1.0), clean.shape)
        size = {"linf": 1.0, "l2": np.sqrt(clean.size), "l1": clean.size}[one.settings["norm"]]
        label = found.classes[found.pictures[place]["label"]]
        noised = picture(upright(eight_bit(clean + one.eps * noise / size)), f"the same {label} with noise of size eps")
        shown.append((picture(upright(found.clean[place]), f"a {label}, as it is"), noised))
    text = f"What eps {one.eps:.3g} looks like: each picture as it is, then with random noise of that size."
    return fill(
        STRIP,
        text=text,
        shown=shown,
    )

"""What the model says of test images: of random ones, and the mistakes that it is surest of."""

from typing import Any

import numpy as np

from assay.report.html import Panel, answer, fill
from assay.report.pictures import picture, upright
from assay.report.seen import Evaluated, Seen

TITLES = {"random": "Random test images", "surest mistake": "The mistakes it is surest of"}
TEMPLATE = """
{% for run in runs %}
<h3 class="run{{ run.place }}"><span class="key" aria-hidden="true"></span>{{ run.name }}</h3>
{% for title, cards in run.groups %}<h4>{{ title }}</h4>
<div class="tiles">{% for card in cards %}<figure>{{ card.image }}
<figcaption><b>{{ card.says }}</b>{% if card.wrong %}<br>is {{ card.label }}{% endif %}
<small>image {{ card.index }}</small></figcaption></figure>
{% endfor %}</div>
{% endfor %}{% endfor %}
"""


def predictions(seen: list[Seen]) -> Panel:
    """Images with prediction and confidence; nobody chose them."""
    plain = "What the model says, and how sure it is. The random images were drawn by seed, not by hand."
    found = [(one, one.clean) for one in seen if one.clean and one.clean.folder.has("predictions.json")]
    if not found:
        return Panel("predictions", "Predictions", plain, fill="assay train mnist_cnn")
    runs = [{"name": one.name, "place": one.place, "groups": _groups(evaluation)} for one, evaluation in found]
    return Panel("predictions", "Predictions", plain, fill(TEMPLATE, runs=runs))


def _groups(evaluation: Evaluated) -> list[tuple[str, list[dict[str, Any]]]]:
    pictures = evaluation.folder.read_json("predictions.json")["pictures"]
    arrays, names = evaluation.folder.read_arrays("predictions.safetensors"), evaluation.settings["classes"]
    cards: dict[str, list[dict[str, Any]]] = {}
    for about, image, probability in zip(pictures, arrays["images"], arrays["probability"], strict=True):
        cards.setdefault(about["rule"], []).append(_card(about, image, probability, names))
    return [(TITLES.get(rule, rule), group) for rule, group in cards.items()]


def _card(about: dict[str, Any], image: np.ndarray, probability: np.ndarray, names: list[str]) -> dict[str, Any]:
    label = names[about["label"]]
    return {
        "image": picture(upright(image), f"image {about['index']}, class {label}"),
        "says": answer(names, probability),
        "wrong": int(probability.argmax()) != about["label"] or bool(np.isnan(probability).any()),
        "label": label,
        "index": about["index"],
    }

"""One image at every eps: the first test image that is right, under the strongest attack."""

from typing import Any

import numpy as np

from assay.report.html import Panel, answer, fill, levels
from assay.report.pictures import eight_bit, picture
from assay.report.seen import Evaluated, Seen

TEMPLATE = """
{% for run in runs %}
<h3 class="run{{ run.place }}"><span class="key" aria-hidden="true"></span>{{ run.name }}</h3>
<p class="expert">{{ run.attack }} on image {{ run.index }}, class {{ run.label }}</p>
<div class="tiles">{% for frame in run.frames %}<figure>{{ frame.image }}
<figcaption>eps {{ frame.eps }}<br><b>{{ frame.says }}</b>{% if frame.wrong %} <small>wrong</small>{% endif %}
</figcaption></figure>
{% endfor %}</div>{% endfor %}
"""


def strip(seen: list[Seen]) -> Panel:
    """The same image for each model, if both have it right."""
    plain = "The first test image that the model has right, as it is shown to it at each eps, and what it then says."
    found = [(one, one.attacked) for one in seen if one.attacked and one.attacked.folder.has("strip.json")]
    shown = [(one, evaluation) for one, evaluation in found if len(evaluation.settings["epsilons"]) > 1]
    if not shown:
        command = f"assay attack {seen[0].run.path} --attack fgsm --eps 0,.05,.1,.15,.2,.25,.3"
        return Panel("strip", "One picture at every eps", plain, fill=command)
    runs = [_run(one, evaluation) for one, evaluation in shown]
    return Panel("strip", "One picture at every eps", plain, fill(TEMPLATE, runs=runs))


def _run(one: Seen, evaluation: Evaluated) -> dict[str, Any]:
    about, arrays = evaluation.folder.read_json("strip.json"), evaluation.folder.read_arrays("strip.safetensors")
    names = evaluation.settings["classes"]
    triples = zip(about["epsilons"], arrays["images"], arrays["probability"], strict=True)
    frames = [
        _frame(eps, image, probability, names, about["label"], evaluation.settings["norm"])
        for eps, image, probability in triples
    ]
    label = names[about["label"]]
    return {"name": one.name, "place": one.place, **about, "label": label, "frames": frames}


def _frame(
    eps: float, image: np.ndarray, probability: np.ndarray, names: list[str], label: int, norm: str
) -> dict[str, Any]:
    says = answer(names, probability)
    return {
        "eps": levels(eps, norm),
        "image": picture(eight_bit(image), f"the picture at eps {eps:.3g}, taken for {says}"),
        "says": says,
        "wrong": int(probability.argmax()) != label or bool(np.isnan(probability).any()),
    }

"""One image at every eps: the first test image that is right, under the strongest attack."""

from typing import Any

import numpy as np

from assay.report.html import Panel, answer, fill, levels
from assay.report.pictures import eight_bit, picture, upright
from assay.report.seen import Evaluated, Seen

TEMPLATE = """
{% for run in runs %}
<h3 class="run{{ run.place }}"><span class="key" aria-hidden="true"></span>{{ run.name }}</h3>
<p class="expert">{{ run.attack }} on image {{ run.index }}, class {{ run.label }}</p>
<div class="tiles">{% for frame in run.frames %}<figure>{{ frame.image }}
<figcaption>eps {{ frame.eps }}{% if frame.used %}, used {{ frame.used }}{% endif %}<br><b>{{ frame.says }}</b>
<small>{{ frame.verdict }}</small>
</figcaption></figure>
{% endfor %}</div>{% endfor %}
"""


def strip(seen: list[Seen]) -> Panel:
    """For each model the first image that it has right itself."""
    plain = (
        "The first test image that the model has right, as it is shown to it at each eps, and what it then says. An "
        "attack may stop before its eps is used up: it has what it wants."
    )
    found = [(one, one.attacked) for one in seen if one.attacked and one.attacked.folder.has("strip.json")]
    shown = [(one, evaluation) for one, evaluation in found if len(evaluation.settings["epsilons"]) > 1]
    if not shown:
        command = f"assay attack {seen[0].typed} --attack fgsm --eps 0,.05,.1,.15,.2,.25,.3"
        return Panel("strip", "One picture at every eps", plain, fill=command)
    runs = [_run(one, evaluation) for one, evaluation in shown]
    return Panel("strip", "One picture at every eps", plain, fill(TEMPLATE, runs=runs))


def _run(one: Seen, evaluation: Evaluated) -> dict[str, Any]:
    about, arrays = evaluation.folder.read_json("strip.json"), evaluation.folder.read_arrays("strip.safetensors")
    names = evaluation.settings["classes"]
    triples = zip(about["frames"], arrays["images"], arrays["probability"], strict=True)
    norm = evaluation.settings["norm"]
    frames = [_frame(frame, image, probability, names, norm) for frame, image, probability in triples]
    label = names[about["label"]]
    return {"name": one.name, "place": one.place, **about, "label": label, "frames": frames}


def _frame(
    frame: dict[str, Any], image: np.ndarray, probability: np.ndarray, names: list[str], norm: str
) -> dict[str, Any]:
    eps, says = frame["eps"], answer(names, probability)
    return {
        "eps": levels(eps, norm),
        "used": f"{frame['size']:.3g}" if frame["size"] < 0.995 * eps else "",  # who is done stops early
        "image": picture(upright(eight_bit(image)), f"the picture at eps {eps:.3g}, taken for {says}", exact=True),
        "says": says,
        "verdict": "" if frame["verdict"] == "robust" else frame["verdict"],
    }

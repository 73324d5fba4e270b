"""One noise for many images: what it looks like, and what it does to images that it was not fitted on."""

from typing import Any

import numpy as np

from assay.report.html import PERCENT, Panel, fill, percent, table
from assay.report.pictures import eight_bit, picture, signed, upright
from assay.report.seen import Seen

NOISES = """<h3 class="run{{ place }}"><span class="key" aria-hidden="true"></span>{{ name }}: fitted on {{ on }}
 image{{ "s" if on > 1 }}</h3>
<div class="tiles">{% for image, target, success in noises %}<figure>{{ image }}
<figcaption>toward {{ target }}<small>{{ success }} of the others</small></figcaption></figure>
{% endfor %}</div>
<p>Images that it has not seen, with the noise toward {{ first }}:</p>
<div class="tiles">{% for image, label, said in tried %}<figure>{{ image }}
<figcaption>{{ label }} <small>taken for</small> <b>{{ said }}</b></figcaption></figure>
{% endfor %}</div>"""


def universal(seen: list[Seen]) -> Panel:
    """The noises, a few other images with one of them, and class against class."""
    plain = (
        "A noise that turns one image into another class mostly fails on other images; one that was fitted on many "
        "does not. Red is brighter, blue darker. In the table: of each class, the share that becomes the target."
    )
    found = [one for one in seen if one.run.has("panels/universal.json")]
    if not found:
        return Panel("universal", "One noise for all", plain, fill=f"assay universal {seen[0].typed}")
    parts = []
    for one in found:
        about, arrays = (
            one.run.read_json("panels/universal.json"),
            one.run.read_arrays("panels/universal.safetensors"),
        )
        parts += [part for place in range(len(about["fits"])) for part in _fit(one, about, arrays, place)]
    return Panel("universal", "One noise for all", plain, fill("{{ parts | join('\n') }}", parts=parts))


def _fit(one: Seen, about: dict[str, Any], arrays: dict[str, np.ndarray], place: int) -> list[Any]:
    fit, names, targets = about["fits"][place], about["classes"], about["targets"]
    noises, largest = arrays["noises"][place], float(np.abs(arrays["noises"]).max())
    shown = [
        (picture(signed(noise, largest), f"noise toward {names[target]}"), names[target], _share(success))
        for noise, target, success in zip(noises, targets, fit["success"], strict=True)
    ]
    with_noise = eight_bit(arrays["images"] / 255 + noises[0])
    tried = [
        (picture(upright(image), f"{names[label]} with noise"), names[label], names[said] if said >= 0 else "nothing")
        for image, label, said in zip(with_noise, arrays["labels"], arrays["said"][place], strict=True)
    ]
    pictures = fill(
        NOISES, place=one.place, name=one.name, on=fit["on"], noises=shown, tried=tried, first=names[targets[0]]
    )
    rows: list[tuple[object, ...]] = [
        (names[j], *map(_share, shares)) for j, shares in enumerate(fit["matrix"]) if fit["counts"][j]
    ]
    rows.append(("any, not its own class", *(percent(share) for share in fit["failure"])))
    head = ("class", *(f"toward {names[target]}" for target in targets))
    caption = f"{one.name}, {about['threat']}, fitted on {fit['on']}, {about['n']} images not seen"
    return [pictures, table(head, rows, caption)]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}{PERCENT}"

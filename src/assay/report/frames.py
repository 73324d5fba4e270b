"""The slider of the gallery: pictures at every eps in one file, moved by a few lines of script; without it, a table."""

import json
from typing import Any

import numpy as np
from markupsafe import Markup

from assay.report.html import answer, fill
from assay.report.moved import Frames, at, epsilons_of, sums
from assay.report.pictures import FINE, is_exact, palette, picture, signed, sprite, upright
from assay.report.seen import Evaluated, Seen

Live = tuple[Seen, Evaluated, Frames]
BOX = """
<div class="frames" data-eps="{{ eps | tojson | forceescape }}" data-sums="{{ sums | tojson | forceescape }}"
{% if palette %} data-palette="{{ palette }}"{% endif %}>
<div class="slide" hidden><label for="{{ id }}">eps ({{ norm }})</label>
<input type="range" id="{{ id }}" min="0" max="{{ eps | length - 1 }}" step="1" value="{{ home }}">
<output for="{{ id }}">{{ eps[home] }}</output></div>
<p class="told" aria-live="polite">{{ sums[home] }}</p>
{% for run in runs %}
<div data-at="{{ run.at }}" style="--of: {{ run.steps }}; --home: {{ run.home }}; {{ run.sprites }}">
<h3 class="run{{ run.place }}"><span class="key" aria-hidden="true"></span>{{ run.name }}</h3>
<div class="cards">{% for card in run.cards %}
<figure class="card" data-says="{{ card.says | tojson | forceescape }}">
<div class="three">{{ card.clean }}{{ card.change }}<span class="frame{{ run.fine }}" role="img"
 aria-label="{{ card.says[run.home][2] }}" style="--sprite: var(--s{{ loop.index0 }}); {{ run.form }}"></span></div>
<figcaption><b>{{ card.before }}</b> → <b class="says">{{ card.says[run.home][0] }}</b>
<small>{{ card.rule }} · image {{ card.index }} · <span class="word">{{ card.says[run.home][1] }}</span></small>
</figcaption></figure>{% endfor %}
</div>
<details><summary>every frame of {{ run.name }}</summary>
<div class="scroll" tabindex="0" role="group" aria-label="Every frame of {{ run.name }}"><table class="all">
<caption>{{ run.name }}: each picture at each eps, under the attack that was strongest there, and what it is taken for
</caption>
<thead><tr><th scope="col">image</th>{% for eps, attack in run.head %}<th scope="col">{{ eps }}
<small>{{ attack }}</small></th>{% endfor %}</tr></thead>
<tbody>{% for card in run.cards %}{% set row = loop.index0 %}<tr><th scope="row">{{ card.index }}<small>{{ card.label }}
</small></th>{% for answer, word, alt in card.says %}<td><span class="frame{{ run.fine }}" aria-hidden="true"
 style="--sprite: var(--s{{ row }}); --at: {{ loop.index0 }}; {{ run.form }}"></span>{{ answer }}
<small>{{ word }}</small></td>{% endfor %}</tr>{% endfor %}</tbody></table></div></details>
</div>
{% endfor %}
</div>
"""


def moving(live: list[Live], scale: float) -> Markup:
    """A slider for the runs of each norm, with their pictures."""
    norms = dict.fromkeys(evaluation.settings["norm"] for _, evaluation, _ in live)
    groups = [[each for each in live if each[1].settings["norm"] == norm] for norm in norms]
    return Markup("\n").join(_box(group, scale) for group in groups)


def _box(live: list[Live], scale: float) -> Markup:
    all_frames = [frames for _, _, frames in live]
    epsilons, norm = epsilons_of(all_frames), live[0][1].settings["norm"]
    told = [
        f"at eps {eps:.4g}: "
        + "; ".join(
            f"{one.name}: {found['count']} of {found['n']} pictures are broken"
            for (one, _, _), found in zip(live, runs, strict=True)
        )
        for eps, runs in sums(all_frames)
    ]
    grey = live[0][2].images.shape[2] == 1
    values = {"eps": [f"{eps:.4g}" for eps in epsilons], "sums": told, "palette": palette() if grey else ""}
    home = epsilons.index(live[0][1].eps)
    runs = [_run(*each, epsilons, home, scale) for each in live]
    return fill(BOX, runs=runs, home=home, norm=norm, id=f"eps-{norm}", **values)


def _run(
    one: Seen, evaluation: Evaluated, frames: Frames, epsilons: list[float], begin: int, scale: float
) -> dict[str, Any]:
    home, (height, width) = at(frames, epsilons[begin]), frames.images.shape[3:]
    classes = evaluation.settings["classes"]
    sprites = Markup("; ").join(
        Markup("--s{}: url({})").format(place, sprite(row)) for place, row in enumerate(frames.images)
    )
    head = zip((f"{eps:.4g}" for eps in frames.epsilons), frames.attacks, strict=True)
    return {
        "name": one.name,
        "place": one.place,
        "home": home,
        "steps": len(frames.epsilons),
        "at": json.dumps([at(frames, eps) for eps in epsilons]),
        "sprites": sprites,
        "form": f"aspect-ratio: {width}/{height}",
        "fine": " fine" if width > FINE else "",
        "head": list(head),
        "cards": [_card(frames, classes, place, home, scale) for place in range(len(frames.images))],
    }


def _card(frames: Frames, classes: list[str], place: int, home: int, scale: float) -> dict[str, Any]:
    about, images = frames.pictures[place], frames.images[place]
    label = classes[about["label"]]
    answers = [answer(classes, probability) for probability in frames.probability[place]]
    says = [
        (said, str(word), f"the same picture at eps {eps:.4g}, taken for {said}")
        for said, word, eps in zip(answers, frames.verdict[place], frames.epsilons, strict=True)
    ]
    change = picture(signed(images[home] - images[0], scale), f"the change of picture {about['index']}, drawn large")
    if is_exact(images.shape[1:]):  # the script can draw it at any eps
        change = change.replace("<img ", Markup('<img data-scale="{}" ').format(scale), 1)
    else:
        change = change.replace("<img ", Markup("<img data-still "), 1)
    clean = picture(
        upright(np.round(images[0] * 255).astype(np.uint8)), f"picture {about['index']}, {label}", exact=True
    )
    values = {"clean": clean, "change": change, "before": answers[0], "says": says}
    return values | {"label": label, "rule": about["rule"], "index": about["index"]}

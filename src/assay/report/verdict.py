"""The verdict: one sentence for each model, and four numbers."""

from typing import Any

from markupsafe import escape

from assay.report.checks import beside
from assay.report.html import Panel, fill, levels, percent
from assay.report.numbers import compared
from assay.report.seen import Evaluated, Seen

TEMPLATE = """
{% for line in lines %}
<div class="verdict run{{ line.place }}">
<h3><span class="key" aria-hidden="true"></span>{{ line.name }}</h3>
<p>{{ line.sentence }}</p>
<dl class="numbers">
{% for number, value, more in line.numbers %}
<div><dt>{{ number }}</dt><dd>{{ value }}<small>{{ more }}</small></dd></div>
{% endfor %}
</dl></div>
{% endfor %}
{% for line in together %}<p>{{ line }}</p>{% endfor %}
"""


VERBS = {
    "linf": "changing no pixel by more than",
    "l2": "a change of Euclidean length at most",
    "l1": "changes of pixels that add up to at most",
}


def verdict(seen: list[Seen]) -> Panel:
    """Clean accuracy, robust accuracy, the eps at which half have fallen, and what the measurement cost."""
    plain = "How often each model is right, and how often it still is when somebody changes the picture on purpose."
    lines = [
        _line(one, one.attacked) if one.attacked else _plain(one, one.clean)
        for one in seen
        if one.attacked or one.clean
    ]
    missing = next((one for one in seen if not one.attacked), None)
    command = f"assay evaluate {missing.typed} --threat 'linf(0.1)'" if missing else None
    body = fill(TEMPLATE, lines=lines, together=_together(seen)) if lines else ""
    return Panel("verdict", "Verdict", plain, body, fill=command)


def _plain(one: Seen, clean: Evaluated | None) -> dict[str, Any]:
    assert clean
    share = clean.figures["clean"]
    sentence = f"Right on {percent(share, interval=False)} of {_images(clean)}. Nobody has attacked it yet."
    numbers = [("clean accuracy", percent(share, interval=False), _interval(share))]
    return {"name": one.name, "place": one.place, "sentence": sentence, "numbers": numbers}


def _images(evaluation: Evaluated) -> str:
    """Which images, and whether the model has seen them before."""
    settings = evaluation.settings
    known = (
        f" ({settings['trained_on']} of them are images that it was trained on)" if settings.get("trained_on") else ""
    )
    return f"{settings['n']} {settings['split']} images of {settings['data']}{known}"


def _line(one: Seen, attacked: Evaluated) -> dict[str, Any]:
    settings, figures = attacked.settings, attacked.figures
    clean, robust = figures["clean"], attacked.robust(attacked.eps)
    norm, half = settings["norm"], figures["smallest_eps"]
    passes = sum(map(attacked.passes, figures["attacks"]))
    seconds = sum(cost["seconds"] for cost in attacked.costs.values())
    faults = f" {figures['faults']} answers were faults and count as not robust." if figures["faults"] else ""
    verb = VERBS[norm]
    aim = (
        ""
        if settings["goal"].startswith(("untargeted", "every"))
        else f" An image falls only if it is taken for its target ({settings['goal']})."
    )
    sentence = (
        f"Right on {percent(clean, interval=False)} of {_images(attacked)}; "
        f"{verb} {levels(attacked.eps, norm)} leaves {percent(robust, interval=False)}.{aim}{faults}"
    )
    between = f"{half['median_low']:.3g}–{half['median_high']:.3g}" if half else f"> {max(settings['epsilons']):.3g}"
    about = "between two eps of the list" if half else "more than half outlive the list"
    if clean["share"] < 0.5:
        between, about = "none", "more than half are wrong without any"
    numbers = [
        ("clean accuracy", percent(clean, interval=False), _interval(clean)),
        (
            f"robust accuracy at {attacked.eps:.3g}",
            percent(robust, interval=False),
            escape(_interval(robust)) + beside(attacked),
        ),
        ("eps that breaks half", between, about),
        ("cost", f"{seconds:.1f} s", f"{passes:.0f} passes an image, all attacks and eps together"),
    ]
    return {"name": one.name, "place": one.place, "sentence": sentence, "numbers": numbers}


def _together(seen: list[Seen]) -> list[str]:
    """The first run against each other one on the same images, with McNemar's test."""
    return [
        f"On the same {result['before']['n']} images, at eps {result['eps']:.3g}: {result['gained']} stand under "
        f"{result['other']} that fell under {result['first']}, {result['lost']} the other way round "
        f"(McNemar's exact test: p = {result['p']:.2g})."
        for result in compared(seen)
    ]


def _interval(share: dict[str, Any]) -> str:
    return f"95 %: {100 * share['low']:.1f}–{100 * share['high']:.1f}, n {share['n']}"

"""May the number be believed? What the diagnostics said of each model's evaluation, as lights."""

from collections import Counter
from typing import Any

from markupsafe import Markup

from assay.report.html import Panel, fill, folded, table
from assay.report.seen import Evaluated, Seen

PLAIN = (
    "A high number can mean a strong model, or an attack that failed. These checks look for signs of the second, "
    "and of answers on which no number can be built."
)
LIGHTS = {  # the worst first; of each its shape and its word, so that nothing hangs on the colour alone
    "red": ("\N{BLACK SQUARE}", "suspicious"),
    "amber": ("\N{BLACK UP-POINTING TRIANGLE}", "not enough evidence"),
    "green": ("\N{BLACK CIRCLE}", "nothing wrong"),
}
COLOURS = {"suspicious": "red", "not enough evidence": "amber", "believable": "green"}
MEANING = {
    "suspicious": "It should not be believed yet: by {shine} of {checks}, the attacks or the model do not work as "
    "they should, and the model may be weaker than it looks.",
    "not enough evidence": "Nobody can say yet: {shine} of {checks} could not rule out that the attacks failed.",
    "believable": "It may be believed, as far as {checks} can tell: nothing speaks against it. That is no proof.",
}
BODY = """<div class="pair">{% for one in runs %}
<div class="believed run{{ one.place }}">
<h3><span class="key" aria-hidden="true"></span>{{ one.name }}</h3>
{% if one.elsewhere %}<p class="missing">The number on this page was not checked, but that of another evaluation, which
the page does not show because not every model here has it, or because it draws no curve:
<code>{{ one.elsewhere }}</code></p>
{% elif one.command %}<p class="missing">Not checked yet. This does it: <code>{{ one.command }}</code></p>{% else %}
<p><strong class="light {{ one.colour }}"><span aria-hidden="true">{{ lights[one.colour][0] }}</span>
{{ one.verdict }}</strong><br>{{ one.sentence }}</p>
{% if one.rows %}<ul class="checks" role="list">
{% for row in one.rows %}<li class="light {{ row.light }}"><span aria-hidden="true">{{ lights[row.light][0] }}</span>
<div><strong>{{ row.name }}</strong>: <em>{{ lights[row.light][1] }}</em><p>{{ row.because }}.</p></div></li>
{% endfor %}</ul>{{ one.numbers }}{% endif %}
{% endif %}
</div>
{% endfor %}</div>"""
BESIDE = """<small class="light {{ colour }}"><span aria-hidden="true">{{ shape }}</span>
<a href="#checks">{{ verdict }}</a>{{ why }}</small>"""


def checks(seen: list[Seen]) -> Panel:
    """A light for each diagnostic: what it saw, in words, and the numbers behind it."""
    title = "May the number be believed?"
    if not any(_checked(one.attacked) or _elsewhere(one) for one in seen):
        return Panel("checks", title, PLAIN, fill=_command(seen[0]))
    return Panel("checks", title, PLAIN, fill(BODY, runs=[_run(one) for one in seen], lights=LIGHTS))


def beside(evaluation: Evaluated) -> Markup:
    """What stands beside the number: whether to believe it, and why not; nothing where nobody has checked."""
    if not _checked(evaluation):
        return Markup()
    found = evaluation.folder.read_json("checks.json")
    colour, (first, *more) = COLOURS[found["verdict"]], found["because"] or [""]
    why = (f": {first}" if first else "") + (f"; and {len(more)} more" if more else "")
    return fill(BESIDE, colour=colour, shape=LIGHTS[colour][0], verdict=found["verdict"], why=why)


def _checked(evaluation: Evaluated | None) -> bool:
    return evaluation is not None and evaluation.folder.has("checks.json")


def _elsewhere(one: Seen) -> str:
    """The newest evaluation that was checked and is not shown."""
    return next((name for name in reversed(one.others) if one.run.evaluation(name).has("checks.json")), "")


def _command(one: Seen) -> str:
    """What checks the number that the page shows: the same threat, and the same curve."""
    command = f"assay evaluate {one.typed} --suite standard"
    if not one.attacked:
        return command
    settings = one.attacked.settings
    curve = f" --eps {','.join(map(str, settings['epsilons']))}" if len(settings["epsilons"]) > 1 else ""
    return f"{command} --threat '{settings['norm']}({settings['eps']})'{curve}"


def _run(one: Seen) -> dict[str, Any]:
    about = {"name": one.name, "place": one.place, "command": "", "elsewhere": ""}
    if not one.attacked or not _checked(one.attacked):
        return about | {"command": _command(one), "elsewhere": _elsewhere(one)}
    found = one.attacked.folder.read_json("checks.json")
    verdict, findings = found["verdict"], found["findings"]
    colour, count = COLOURS[verdict], Counter(finding["light"] for finding in findings)
    looked = f"{len(findings)} check{'s' * (len(findings) != 1)} on {found['n']} images"
    findings = sorted(findings, key=lambda finding: [*LIGHTS].index(finding["light"]))
    rows = [{**finding, "name": _words(finding["check"])} for finding in findings]
    measured = [(row["name"], _evidence(row["evidence"]), f"{row['seconds']:.2f}") for row in rows]
    return about | {
        "verdict": verdict.capitalize(),
        "colour": colour,
        "sentence": MEANING[verdict].format(shine=count[colour], checks=looked),
        "rows": rows,
        "numbers": folded("the numbers", table(("check", "evidence", "seconds"), measured, f"Measured on {one.name}")),
    }


def _evidence(evidence: dict[str, float]) -> str:
    return ", ".join(f"{_words(name)} {value:.4g}" for name, value in evidence.items())


def _words(name: str) -> str:
    return name.replace("_", " ")

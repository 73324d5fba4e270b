"""Class by class under attack: what becomes what, of the images that were right."""

from markupsafe import Markup

from assay.report.figures import svg
from assay.report.html import PERCENT, Panel, fill, table
from assay.report.per_class import MOST, confusion_figure
from assay.report.seen import Evaluated, Seen
from assay.tally import attacked_confusion

TITLE = "What becomes what under attack"
HEAD = """<h3 class="run{{ place }}"><span class="key" aria-hidden="true"></span>{{ name }}</h3>
<p>{% if said %}{{ said }}.{% else %}No image became another class.{% endif %}</p>"""
SENTENCES = 3


def becomes(seen: list[Seen]) -> Panel:
    """Clean to attacked at the threat's eps, by the first attack that broke each image."""
    plain = (
        "Where attacked pictures go. Of the pictures of a class that the model has right, how many are taken for which "
        "other class once they are attacked."
    )
    attacked = [(one, one.attacked) for one in seen if one.attacked]
    if not attacked:
        return Panel("becomes", TITLE, plain, fill=f"assay evaluate {seen[0].typed} --threat 'linf(0.1)'")
    return Panel("becomes", TITLE, plain, Markup("\n").join(_run(*pair) for pair in attacked))


def _run(one: Seen, evaluation: Evaluated) -> Markup:
    names, settings, eps = evaluation.settings["classes"], evaluation.settings, evaluation.eps
    pairs = next(line["pairs"] for line in evaluation.figures["becomes"] if line["eps"] == eps)
    said = "; ".join(
        f"{names[pair['label']]} becomes {names[pair['taken_for']]} in {100 * pair['share']:.0f}{PERCENT}"
        for pair in pairs[:SENTENCES]
    )
    head = fill(HEAD, place=one.place, name=one.name, said=said)
    rows = [
        (f"{names[pair['label']]} becomes {names[pair['taken_for']]}", f"{pair['count']} of {pair['n']}", _share(pair))
        for pair in pairs
    ]
    numbers = (
        table(("pair", "images", "share of the class (95 %)"), rows, f"{one.name} at eps {eps:.4g}") if rows else ""
    )
    if len(names) > MOST:
        return head + numbers
    matrix = attacked_confusion(evaluation.table, settings["attacks"], settings["epsilons"], eps, len(names))
    title = f"Confusion of {one.name} under attack at eps {eps:.4g}"
    return head + svg(confusion_figure(matrix, names), f"becomes{one.place}", title, f"{said}.") + numbers


def _share(pair: dict[str, float]) -> str:
    return f"{100 * pair['share']:.1f}{PERCENT} ({100 * pair['low']:.1f}–{100 * pair['high']:.1f})"

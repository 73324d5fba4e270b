"""The pieces of HTML that the panels are made of. Everything that comes from a run is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

PERCENT = "\N{NO-BREAK SPACE}%"
environment = Environment(
    loader=PackageLoader("assay", "report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)


@dataclass(frozen=True)
class Panel:
    """A part of the page: a sentence for everybody, then the body; `fill` is the command that gives it data."""

    name: str
    title: str
    plain: str
    body: str = ""
    fill: str | None = None


def fill(template: str, **values: Any) -> Markup:
    """A template with values in it."""
    return Markup(_compiled(template).render(**values))


@cache
def _compiled(template: str) -> Template:
    """There are some dozens of them, each of which is filled hundreds of times for a page."""
    return environment.from_string(template)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], caption: str) -> Markup:
    """A table; the first column names the rows, the others are numbers."""
    return fill(
        """<div class="scroll" tabindex="0" role="group" aria-label="{{ caption }}"><table>
<caption>{{ caption }}</caption>
<thead><tr>{% for cell in head %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in rows %}<tr><th scope="row">{{ row[0] }}</th>
{% for cell in row[1:] %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>""",
        head=head,
        rows=rows,
        caption=caption,
    )


def folded(summary: str, body: Markup) -> Markup:
    """What is there for those who ask: shut on the screen, open in print."""
    return fill("<details><summary>{{ summary }}</summary>{{ body }}</details>", summary=summary, body=body)


def percent(share: dict[str, Any], *, interval: bool = True) -> str:
    """ "93.2 % (92.1–94.1)" """
    text = f"{100 * share['share']:.1f}{PERCENT}"
    return f"{text} ({100 * share['low']:.1f}–{100 * share['high']:.1f})" if interval else text


def answer(classes: Sequence[str], probability: Any) -> str:
    """What a model says, and how sure it is; of probabilities that are no numbers that there is no answer."""
    best = int(probability.argmax())
    sure = 100 * float(probability[best])
    return f"{classes[best]} ({sure:.0f}{PERCENT})" if sure == sure else "no answer"


def levels(eps: float, norm: str) -> str:
    """An eps in both units: "0.1 (25.5/255)" for linf; for other norms the number alone."""
    text = f"{eps:.4g}"
    return f"{text} ({eps * 255:.3g}/255)" if norm == "linf" and eps else text

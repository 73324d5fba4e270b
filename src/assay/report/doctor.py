"""What the doctor found of the model and of the attacks that were used on it."""

from typing import Any

from assay.report.html import Panel, fill
from assay.report.seen import Seen

MARKS = {"error": "the number is wrong", "warning": "wrong elsewhere", "note": "good to know"}
BODY = """{% for name, each in examined %}
<h3>{{ name }}: {{ each.what }} <code>{{ each.subject }}</code></h3>
<p>{{ each.claims }}; {{ each.checks | length }} checks in {{ "%.1f" | format(each.seconds) }} s.
{% if each.healthy %}Nothing wrong was found.{% endif %}
{% if each.skipped %}No time was left for {{ each.skipped | join(", ") }}.{% endif %}</p>
{% if each.findings %}<dl class="findings">
{% for finding in each.findings %}<dt><strong>{{ finding.name }}</strong> ({{ marks[finding.severity] }})</dt>
<dd>{{ finding.effect }}.{% if finding.images %} Images {{ finding.images | join(", ") }}.{% endif %}<br>
To mend it: {{ finding.mend }}.</dd>
{% endfor %}</dl>{% endif %}
{% endfor %}"""


def doctor(seen: list[Seen]) -> Panel:
    """Findings with their effect on the number, and how to mend them."""
    plain = "Attacks and models are run on small canaries whose right answer is known; this is what came out."
    examined: list[tuple[str, dict[str, Any]]] = [
        (one.name, each)
        for one in seen
        if one.run.has("panels/doctor.json")
        for each in one.run.read_json("panels/doctor.json")["examined"]
    ]
    if not examined:
        return Panel("doctor", "The doctor", plain, fill=f"assay doctor model {seen[0].typed}")
    return Panel("doctor", "The doctor", plain, fill(BODY, examined=examined, marks=MARKS))

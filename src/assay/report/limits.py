"""What was not tried, when not to rely on the numbers, and what the words mean."""

import re

from markupsafe import Markup, escape

from assay.report.caution import ALWAYS, unsure, untried
from assay.report.html import Panel, fill
from assay.report.seen import Seen

GLOSSARY = {
    "eps": "How far a picture may be changed, in pixels of [0, 1], measured in the norm of the threat.",
    "norm": "How a change is measured: linf by its largest pixel, l2 by its Euclidean length, l1 by the sum of it all.",
    "robust": "Of a picture: right, and still right after every attack within eps. Robust accuracy is their share.",
    "broken": "Of a picture: an attack within eps made the model answer what the enemy wants; the judge looked again.",
    "interval": "95 %: of a hundred such measurements on other images, about 95 hold the true share (Wilson's).",
    "noise": "Random change of the same size. It is the control: an attack must do more harm than chance.",
    "certified": "Proven: no change within eps, found or not, can turn the answer (interval bounds).",
    "fault": "An answer that is no allowed picture: beyond eps, out of [0, 1], no number. It never counts as robust.",
    "recall": "Of all pictures of a class, the share that is found. Precision: of all called so, the share that is.",
    "SSIM": "How alike two pictures look, by structure; 1 is the same.",
}
BODY = """<h3>Not tried here</h3>
<ul>{% for line in untried %}<li>{{ line }}</li>{% endfor %}</ul>
<h3>When not to rely on these numbers</h3>
<ul>{% for line in unsure %}<li>{{ line }}</li>{% endfor %}</ul>
<h3>Words</h3>
<dl class="words-list">{% for word, text in words.items() %}<dt id="word-{{ word }}">{{ word }}</dt><dd>{{ text }}</dd>
{% endfor %}</dl>"""


def limits(seen: list[Seen]) -> Panel:
    """By what the folders hold, and what no folder can."""
    plain = "No number is true beyond what was measured. This is what was not, and when to be careful."
    not_tried = [line for one in seen for line in untried(one)]
    careful = [line for one in seen for line in unsure(one)]
    body = fill(BODY, untried=not_tried, unsure=[*careful, *ALWAYS], words=GLOSSARY)
    return Panel("limits", "Limits", plain, body)


def linked(text: str) -> Markup:
    """A sentence of ours in which the first mention of each word of the glossary leads to what it means."""
    found = str(escape(text))
    for word in GLOSSARY:
        link = f'<a class="word-link" href="#word-{word}">{word}</a>'
        found = re.sub(rf"(?<![\w#-]){word}(?![\w-])(?![^<]*</a>)", link, found, count=1)
    return Markup(found)

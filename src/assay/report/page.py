"""The page: the panels in the order of their worth, in one file that needs nothing else."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from assay.report.activations import activations
from assay.report.attacks_table import attacks_table
from assay.report.becomes import becomes
from assay.report.calibration import calibration
from assay.report.certified import certified
from assay.report.checks import checks
from assay.report.class_images import class_images
from assay.report.contact_sheet import contact_sheet
from assay.report.corruptions import corruptions
from assay.report.cost import cost
from assay.report.curve import curve
from assay.report.damage import damage
from assay.report.doctor import doctor
from assay.report.explanations import explanations
from assay.report.filters import filters
from assay.report.gallery import gallery
from assay.report.html import Panel, environment
from assay.report.limits import limits, linked
from assay.report.per_class import per_class
from assay.report.predictions import predictions
from assay.report.reproduce import reproduce
from assay.report.seen import Seen, look
from assay.report.smallest import smallest
from assay.report.strip import strip
from assay.report.threat_model import threat_model
from assay.report.training import training
from assay.report.universal import universal
from assay.report.verdict import verdict
from assay.run_folder import Run

PANELS = (
    verdict,
    threat_model,
    curve,
    attacks_table,
    damage,
    cost,
    checks,
    gallery,
    strip,
    predictions,
    per_class,
    becomes,
    explanations,
    filters,
    class_images,
    activations,
    calibration,
    smallest,
    universal,
    training,
    corruptions,
    certified,
    doctor,
    contact_sheet,
    reproduce,
    limits,
)

# nothing is loaded, and no other script runs than the page's own, whatever somebody wrote into a run
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'"


def page(runs: list[Run]) -> str:
    """One HTML document about the runs, the plain one first. Raises ValueError for a run that is damaged."""
    return page_of(look(runs))


def page_of(seen: list[Seen], first: Sequence[Panel] = (), title: str | None = None) -> str:
    """The same about runs that were read already, of which there may be none; after other panels, under a title."""
    style, script = (files("assay.report").joinpath(f"page.{kind}").read_text("utf-8") for kind in ("css", "js"))
    policy = POLICY.format(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode())
    panels = [*first, *(panel(seen) for panel in PANELS if seen)]
    values = {"style": style, "script": script, "policy": policy, "linked": linked}
    named = title or " and ".join(one.name for one in seen)
    return environment.get_template("page.html.j2").render(title=named, panels=panels, **values)

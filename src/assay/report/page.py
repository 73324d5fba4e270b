"""The page: the panels in the order of their worth, in one file that needs nothing else."""

from importlib.resources import files

from assay.report.activations import activations
from assay.report.attacks_table import attacks_table
from assay.report.calibration import calibration
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
from assay.report.html import environment
from assay.report.per_class import per_class
from assay.report.predictions import predictions
from assay.report.reproduce import reproduce
from assay.report.seen import look
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
    checks,
    damage,
    cost,
    strip,
    gallery,
    predictions,
    per_class,
    calibration,
    corruptions,
    universal,
    explanations,
    filters,
    activations,
    class_images,
    contact_sheet,
    training,
    doctor,
    reproduce,
)


def page(runs: list[Run]) -> str:
    """One HTML document about the runs, the plain one first. Raises ValueError for a run that is damaged."""
    seen = look(runs)
    style = files("assay.report").joinpath("page.css").read_text("utf-8")
    panels = [panel(seen) for panel in PANELS]
    return environment.get_template("page.html.j2").render(seen=seen, panels=panels, style=style)

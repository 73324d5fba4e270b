"""The page: the panels in the order of their worth, in one file that needs nothing else."""

from importlib.resources import files

from assay.report.attacks_table import attacks_table
from assay.report.curve import curve
from assay.report.explanations import explanations
from assay.report.gallery import gallery
from assay.report.html import environment
from assay.report.reproduce import reproduce
from assay.report.seen import look
from assay.report.threat_model import threat_model
from assay.report.training import training
from assay.report.verdict import verdict
from assay.run_folder import Run

PANELS = (verdict, threat_model, curve, attacks_table, gallery, explanations, training, reproduce)


def page(runs: list[Run]) -> str:
    """One HTML document about the runs, the plain one first. Raises ValueError for a run that is damaged."""
    seen = look(runs)
    style = files("assay.report").joinpath("page.css").read_text("utf-8")
    panels = [panel(seen) for panel in PANELS]
    return environment.get_template("page.html.j2").render(seen=seen, panels=panels, style=style)

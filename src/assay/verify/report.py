"""A report.json against the run that it tells of: every figure counted again from the run's own files."""

import json
from pathlib import Path
from typing import Any

from assay.report.numbers import SCHEMA, numbers_of
from assay.report.seen import seen_of
from assay.run_folder import Run
from assay.verify.ledger import Ledger

PAGE = "whether the page says what its figures say: assay report makes it again, and a lab's is compared"
OTHERS = "{}: the comparisons of its runs with each other, which hang on runs that were not given"


def verify_report(ledger: Ledger, run: Run, file: Path) -> None:
    """What it says of this run, found by its weights. ValueError if it is no report.json, or tells of other runs."""
    said = _read(file)
    weights = run.read_json("model.json")["weights"]
    found = [one for one in said["runs"] if isinstance(one, dict) and one.get("weights") == weights]
    if not found:
        raise ValueError(f"{file} tells nothing of a run with the weights {weights}")
    for one in found:
        name = one.get("name")
        if wrong := _formless(one):
            ledger.differs(file, f"{name}: {wrong}")
            continue
        with ledger.reading():
            known = {*run.names("evaluations"), None}
            if missing := [word for key in ("clean", "attacked") if (word := one.get(key)) not in known]:
                ledger.differs(file, f"{name}: it tells of the evaluation {missing[0]!r}, which the run has not")
                continue
            again = numbers_of(seen_of(run, str(name), 0, one.get("clean"), one.get("attacked")))
            again = json.loads(json.dumps(again))  # a tuple is a list there
            again["panels"]["reproduce"]["others"] = one["panels"]["reproduce"]["others"]  # later ones change nothing
            ledger.same(file, str(name), one, again)
    ledger.unsure(PAGE)
    if said["together"]:
        ledger.unsure(OTHERS.format(file))


def _formless(one: dict[str, Any]) -> str:
    """What is missing of the form that the comparison needs; "" if nothing is."""
    if not all(isinstance(one.get(key), str | None) for key in ("clean", "attacked")):
        return "clean and attacked are no names of evaluations"
    panels = one.get("panels")
    reproduce = panels.get("reproduce") if isinstance(panels, dict) else None
    if not isinstance(reproduce, dict) or "others" not in reproduce:
        return "its panels are missing, or that of how to reproduce it is"
    return ""


def _read(file: Path) -> dict[str, Any]:
    try:
        said = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} is no report.json: {error}") from error
    if not isinstance(said, dict) or not isinstance(said.get("runs"), list) or "together" not in said:
        raise ValueError(f"{file} is no report.json: it names no runs")
    if said.get("schema") != SCHEMA:
        raise ValueError(f"{file} has schema {said.get('schema')}, this version of assay reads {SCHEMA}")
    return said

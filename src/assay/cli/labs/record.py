"""What a lab's folder holds beside its runs: which lab it is, which steps are done; and the page that ends it.

DIR/lab.json      {"schema", "lab", "quick", "data", "steps": [{"command", "seconds"}]}
DIR/report.html   the rows, and the panels of its runs; beside it report.json, with every row and figure
"""

import inspect
import json
import shlex
import shutil
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assay.cli.lab import LABS, NAMES
from assay.cli.labs.bench import Bench
from assay.cli.labs.page import panels, text
from assay.cli.labs.plan import Lab, Row, Step
from assay.cli.options import load_named
from assay.files import whole
from assay.report.numbers import numbers
from assay.report.page import page_of
from assay.report.seen import Seen, look
from assay.run_folder import Folder
from assay.verify.ledger import Ledger
from assay.verify.page import verify_page

SCHEMA = 1
HOME = Path(__file__).parent
SIDE = 128  # pixels of the larger images
HERE = {"assay": None, "drawn": None}  # what may differ from machine to machine


@dataclass(frozen=True)
class Asked:
    """Which lab, in which form; data: a folder of larger images, for the labs that have rows about them."""

    name: str
    quick: bool
    data: str | None


@dataclass(frozen=True)
class Began:
    """A lab in its folder, and how long each step took that is done."""

    place: Path
    asked: Asked
    lab: Lab
    done: dict[str, float] = field(default_factory=dict)

    def typed(self, step: Step) -> str:
        """The step's command, with the lab's folder in it."""
        return step.command.replace("{out}", shlex.quote(str(self.place)))

    def note(self, step: Step, seconds: float) -> None:
        """That a step is done."""
        self.done[step.command] = seconds
        steps = [{"command": command, "seconds": took} for command, took in self.done.items()]
        Folder(self.place).write_json("lab.json", {"schema": SCHEMA, **asdict(self.asked), "steps": steps})

    @cached_property
    def bench(self) -> Bench:
        return Bench(self.place, self.asked.quick, self.lab.steps)

    def rows(self) -> list[Row]:
        """Made from the runs; ValueError where one of them is not there, damaged, or made by another command."""
        try:
            return self.lab.rows(self.bench)
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.place}: a run of it is damaged or not finished: {error!r}") from error

    def seen(self) -> list[Seen]:
        """The runs that the page shows. It calls the lab's folder LAB, and is the same wherever that lies."""
        shown = self.lab.shown
        return look([self.bench.run(name) for name in shown], self.bench.made, [f"LAB/{name}" for name in shown])


def begin(place: Path, asked: Asked, force: bool) -> Began:
    """The lab in its folder, as far as it has come. ValueError where something else is there."""
    lab = lab_of(asked)
    if place.exists() and not place.is_dir():
        raise ValueError(f"{place} is a file, a folder wanted")
    there = (place / "lab.json").exists()
    if place.exists() and any(place.iterdir()) and not there:
        raise ValueError(f"{place} holds something that is no lab: take another --out")
    if there and not force:
        began = opened(place)
        if began.asked != asked:
            held, wanted = _told(began.asked), _told(asked)
            raise ValueError(f"{place} holds {held}, asked for is {wanted}: another --out, or --force")
        return began
    if asked.data:
        load_named(asked.data, "test", 1, SIDE)
    if there:
        shutil.rmtree(place)
    place.mkdir(parents=True, exist_ok=True)
    for file in lab.files:
        shutil.copy(HOME / file, place / file)
    began = Began(place, asked, lab)
    Folder(place).write_json("lab.json", {"schema": SCHEMA, **asdict(asked), "steps": []})
    return began


def opened(place: Path) -> Began:
    """A lab that was begun. ValueError where the file that says so is damaged."""
    match Folder(place).read_json("lab.json"):
        case {"name": str(name), "quick": bool(quick), "data": str() | None as data, "steps": list(steps)}:
            asked = Asked(name, quick, data)
            whole = [one for one in steps if isinstance(one, dict) and {"command", "seconds"} <= set(one)]
            done = {str(one["command"]): one["seconds"] for one in whole}
            if name in NAMES and len(done) == len(steps):
                return Began(place, asked, lab_of(asked), done)
    raise ValueError(f"{place / 'lab.json'} is damaged: it names no lab and its steps")


def lab_of(asked: Asked) -> Lab:
    """The lab of that name; ValueError where it has no rows about larger images, or those are no folder."""
    function = LABS[NAMES[asked.name]]
    takes = "data" in inspect.signature(function).parameters
    if asked.data and not takes:
        raise ValueError(f"--data {asked.data}: {asked.name} has no rows about other images")
    if asked.data and not asked.data.startswith(("folder:", "parquet:")):
        raise ValueError(f"--data {asked.data}: larger images are folder:PATH or parquet:PATH")
    found: Lab = function(asked.quick, asked.data) if takes else function(asked.quick)
    return found


def _told(asked: Asked) -> str:
    return f"{asked.name}{' --quick' * asked.quick}{f' --data {asked.data}' if asked.data else ''}"


def report(began: Began) -> tuple[Path, list[dict[str, Any]], str]:
    """The page and its figures, written beside the runs; the rows, and the same for a terminal."""
    place, rows, seen = began.place, began.rows(), began.seen()
    for path, content in (
        (place / "report.html", _page(began, rows, seen)),
        (place / "report.json", _figures(began, rows, seen)),
    ):
        with whole(path) as part:
            part.write_text(content, encoding="utf-8")
    return place / "report.html", described(rows), text(rows)


def _page(began: Began, rows: list[Row], seen: list[Seen]) -> str:
    return page_of(seen, panels(began.lab, began.bench, rows), began.lab.title)


def _figures(began: Began, rows: list[Row], seen: list[Seen]) -> str:
    about = {"lab": began.asked.name, "quick": began.asked.quick, "rows": described(rows)}
    return json.dumps(numbers(seen) | about, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def described(rows: list[Row]) -> list[dict[str, Any]]:
    """For report.json."""
    return [asdict(row) for row in rows]


def runs_of(place: Path) -> list[Path]:
    """The runs that lie in a lab's folder."""
    return sorted(file.parent for file in place.glob("*/config.json"))


def verify_lab(place: Path) -> Ledger:
    """What the page and report.json say: all of it is made again from the runs, which the lab's own steps made."""
    began, ledger, file = opened(place), Ledger(), place / "report.json"
    with ledger.reading():
        said = Folder(place).read_json("report.json")
        if not isinstance(said, dict) or not isinstance(said.get("runs"), list):
            raise ValueError(f"{file} is damaged: it names no runs")
        rows, seen = began.rows(), began.seen()
        ledger.same(file, "report", said | HERE, json.loads(_figures(began, rows, seen)) | HERE)
        verify_page(ledger, place / "report.html", said, _page(began, rows, seen))
    return ledger

"""What a lab's folder holds beside its runs: which lab it is, which steps are done; and the page that ends it.

DIR/lab.json      {"schema", "lab", "quick", "data", "steps": [{"command", "seconds"}]}
DIR/report.html   the rows, and the panels of its runs; beside it report.json, with every row and figure
"""

import inspect
import json
import shlex
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assay.cli.labs.bench import Bench
from assay.cli.labs.page import panels, text
from assay.cli.labs.plan import Lab, Row, Step
from assay.files import whole
from assay.report.numbers import numbers
from assay.report.page import page_of
from assay.report.seen import look
from assay.run_folder import Folder, open_run
from assay.spec import Folder as Functions
from assay.verify.ledger import Ledger
from assay.verify.report import verify_report

SCHEMA = 1
HOME = Path(__file__).parent


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

    @property
    def bench(self) -> Bench:
        return Bench(self.place, self.asked.quick)


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
            raise ValueError(
                f"{place} holds {_told(began.asked)}, asked for is {_told(asked)}: another --out, or --force"
            )
        return began
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
    found = Folder(place).read_json("lab.json")
    try:
        asked = Asked(found["name"], found["quick"], found["data"])
        return Began(place, asked, lab_of(asked), {step["command"]: step["seconds"] for step in found["steps"]})
    except (KeyError, TypeError) as error:
        raise ValueError(f"{place / 'lab.json'} is damaged: {error!r}") from error


def lab_of(asked: Asked) -> Lab:
    """The lab of that name; ValueError where it has no rows about larger images."""
    function = Functions("assay.cli.labs", helpers=())[asked.name.replace("-", "_")]
    takes = "data" in inspect.signature(function).parameters
    if asked.data and not takes:
        raise ValueError(f"--data {asked.data}: {asked.name} has no rows about other images")
    found: Lab = function(asked.quick, asked.data) if takes else function(asked.quick)
    return found


def _told(asked: Asked) -> str:
    return f"{asked.name}{' --quick' * asked.quick}{f' --data {asked.data}' if asked.data else ''}"


def report(began: Began) -> tuple[Path, list[dict[str, Any]], str]:
    """The page and its figures, written beside the runs; the rows, and the same for a terminal."""
    bench, place = began.bench, began.place
    rows = began.lab.rows(bench)
    seen = look([bench.run(name) for name in began.lab.shown])
    figures = numbers(seen) | {"lab": began.asked.name, "quick": began.asked.quick, "rows": described(rows)}
    html = page_of(seen, panels(began.lab, bench, rows), f"{began.lab.title}")
    figures_text = json.dumps(figures, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    for path, content in ((place / "report.html", html), (place / "report.json", figures_text)):
        with whole(path) as part:
            part.write_text(content, encoding="utf-8")
    return place / "report.html", described(rows), text(rows)


def described(rows: list[Row]) -> list[dict[str, Any]]:
    """For report.json."""
    return [asdict(row) for row in rows]


def runs_of(place: Path) -> list[Path]:
    """The runs that lie in a lab's folder."""
    return sorted(file.parent for file in place.glob("*/config.json"))


def verify_rows(place: Path) -> Ledger:
    """What the page says, against the runs: every row is made again, and each figure of the runs that it shows."""
    began, file, ledger = opened(place), place / "report.json", Ledger()
    with ledger.reading():
        said = Folder(place).read_json("report.json")
        ledger.same(file, "rows", said.get("rows"), described(began.lab.rows(began.bench)))
        ledger.same(file, "form", [said.get("lab"), said.get("quick")], [began.asked.name, began.asked.quick])
        for name in began.lab.shown:
            verify_report(ledger, open_run(place / name), file)
    return ledger

"""A report.json and the page beside it against the runs that they tell of, counted and made again from their files."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assay.files import parsed
from assay.report.numbers import SCHEMA, compared, numbers_of
from assay.report.seen import Seen, seen_of
from assay.run_folder import Run
from assay.verify.ledger import Ledger, as_read
from assay.verify.page import verify_page

OTHERS = "{}: of its {} runs {} given here: to compare them and to make the page again, give them all"
EMPTY = "{}: its panel {!r} is empty, though the run has what fills it: left out, or added after the page was made"


def verify_report(runs: Sequence[Run], file: Path, page_of: Callable[[list[Seen]], str]) -> Ledger:
    """What it says of these runs, each found by its weights; of all of its runs, what its page says, too.

    file: report.json, or the page, as page_of makes it. ValueError if it is no report, or tells nothing of a run.
    """
    figures, ledger = file.with_suffix(".json"), Ledger()
    said = _read(figures)
    told = _told_of(figures, said, runs)
    seen = [_again(ledger, figures, one, place, told[place]) for place, one in enumerate(said["runs"]) if place in told]
    if len(told) < len(said["runs"]):
        ledger.unsure(OTHERS.format(figures, len(said["runs"]), f"{len(told)} {'is' if len(told) == 1 else 'are'}"))
    elif whole := [one for one in seen if one]:
        with ledger.reading():
            ledger.same(figures, "together", said["together"], as_read(compared(whole)))
            if len(whole) == len(seen):
                verify_page(ledger, _page(file), said, page_of(whole))
    return ledger


def _page(file: Path) -> Path:
    """The page itself, or that beside its figures."""
    beside = [file.with_suffix(end) for end in (".html", ".htm", "")]
    return next((path for path in beside if path.is_file()), beside[0]) if file.suffix == ".json" else file


def _told_of(file: Path, said: dict[str, Any], runs: Sequence[Run]) -> dict[int, Run]:
    """Which of the runs each place of the report tells of. Two of the same weights are told apart by their names."""
    told: dict[int, Run] = {}
    for run in runs:
        weights = run.read_json("model.json")["weights"]
        places = [place for place, one in enumerate(said["runs"]) if one.get("weights") == weights]
        if not places:
            raise ValueError(f"{file} tells nothing of {run.path}: of no run with its weights, {weights}")
        named = [place for place in places if Path(str(said["runs"][place].get("folder"))).name == run.name]
        for place in named or places:
            told.setdefault(place, run)
    return told


def _again(ledger: Ledger, file: Path, one: dict[str, Any], place: int, run: Run) -> Seen | None:
    """The run as the report must have seen it; None where it tells of something that the run has not."""
    name = one.get("name")
    if wrong := _formless(one) or _misnamed(one, run):
        ledger.differs(file, f"{name}: {wrong}")
        return None
    with ledger.reading():
        known, shown = run.names("evaluations"), (one.get("clean"), one.get("attacked"))
        if missing := [word for word in shown if word not in {*known, None}]:
            ledger.differs(file, f"{name}: it tells of the evaluation {missing[0]!r}, which the run has not")
            return None
        others = one["panels"]["reproduce"]["others"]  # later ones change nothing
        seen = seen_of(run, (str(name), str(one["folder"]), place), shown, _known(others, shown, known))
        again = as_read(numbers_of(seen))
        for panel in [panel for panel, held in again["panels"].items() if held and one["panels"].get(panel, 1) is None]:
            ledger.differs(file, EMPTY.format(name, panel))
            again["panels"][panel] = None
        ledger.same(file, str(name), one, again)
        return seen
    return None


def _known(others: Any, shown: Sequence[str | None], known: Sequence[str]) -> list[str]:
    """The evaluations that the run had when it was told of."""
    return [name for name in known if name in shown or (isinstance(others, list) and name in others)]


def _formless(one: dict[str, Any]) -> str:
    """What is missing of the form that the comparison needs; "" if nothing is."""
    if not all(isinstance(one.get(key), str | None) for key in ("clean", "attacked")):
        return "clean and attacked are no names of evaluations"
    if not isinstance(one.get("folder"), str):
        return "it does not say what its folder is called"
    panels = one.get("panels")
    reproduce = panels.get("reproduce") if isinstance(panels, dict) else None
    if not isinstance(reproduce, dict) or "others" not in reproduce:
        return "its panels are missing, or that of how to reproduce it is"
    return ""


def _misnamed(one: dict[str, Any], run: Run) -> str:
    """The figures of one run under the name of another; "" if they are not."""
    ends = (run.name, "", "..")  # it may have been given as the folder that one stood in
    if one.get("name") in (run.name, one["folder"]) and Path(one["folder"]).name in ends:
        return ""
    return f"so it calls {run.path}, in the folder {one['folder']!r}"


def _read(file: Path) -> dict[str, Any]:
    try:
        said = parsed(file.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"the figures of a page lie beside it, in {file}: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{file} is no report.json: {error}") from error
    whole = isinstance(said, dict) and isinstance(said.get("runs"), list) and isinstance(said.get("together"), list)
    if not whole or not said["runs"] or not all(isinstance(one, dict) for one in said["runs"]):
        raise ValueError(f"{file} is no report.json: it names no runs")
    if said.get("schema") != SCHEMA:
        raise ValueError(f"{file} has schema {said.get('schema')}, this version of assay reads {SCHEMA}")
    return said

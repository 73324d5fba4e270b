"""assay lab."""

import contextlib
import shlex
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Data, Force, Json, note, show, show_names
from assay.spec import Folder, choices

if TYPE_CHECKING:
    from assay.cli.labs.record import Began

LABS = Folder("assay.cli.labs", helpers=("as_it_was_written", "bench", "page", "plan", "record"))
NAMES = {name.replace("_", "-"): name for name in LABS}  # as they are typed
NAME = f"list, or a lab ({', '.join(NAMES)})"
QUICK = "two minutes: the whole way with networks that have hardly learnt"
AGAIN = "begin again; without it what is done stays, and the rest follows"
MEASURED = "on two cores of an AMD EPYC"


def lab(
    name: Annotated[Positional[str], arg(metavar="list|NAME", help=NAME)],
    *,
    quick: Annotated[bool, arg(help=QUICK)] = False,
    data: Annotated[Data, arg(help="folder:PATH: run the rows about larger images on these, too")] = None,
    out: Annotated[Path | None, arg(metavar="DIR", help="the folder of its runs and its page; labs/NAME")] = None,
    force: Annotated[Force, arg(help=AGAIN)] = False,
    json: Json = False,
) -> int:
    """Run a whole course on real data, and set each of its figures beside ours, in one report."""
    if name == "list":
        show_names("labs", {typed: LABS.about(key) for typed, key in NAMES.items()}, json)
        return 0
    if name not in NAMES:
        raise ValueError(f"unknown lab {name!r}; {choices(name, ['list', *NAMES])}")
    from assay.cli.labs import record

    place = out or Path("labs") / f"{name}{'-quick' * quick}"
    began = record.begin(place, record.Asked(name, quick, data), force)
    with contextlib.redirect_stdout(sys.stderr):
        try:
            _carry_out(began)
        except KeyboardInterrupt:
            note("assay: stopped; what was finished is kept, and the same command goes on")
            return 130
    page, rows, text = record.report(began)
    show({"lab": name, "report": str(page), "rows": rows}, f"{text}\n{page}", json)
    return 0


def _carry_out(began: "Began") -> None:
    """The steps that are not done yet, each noted as soon as it is."""
    steps = began.lab.steps
    left = [step for step in steps if step.command not in began.done]
    if left and not began.asked.quick:
        minutes = sum(step.seconds for step in left) / 60
        note(f"assay: {len(left)} of {len(steps)} steps, about {minutes:.0f} minutes {MEASURED}; stopped, it goes on")
    for step in left:
        note(f"\n{steps.index(step) + 1}/{len(steps)}  assay {began.typed(step)}")
        start = time.monotonic()
        _run(shlex.split(began.typed(step)))
        began.note(step, time.monotonic() - start)


def _run(words: list[str]) -> None:
    """A verb as it would be typed. What is there is made again, but a training that was stopped goes on."""
    from assay.cli import carried_out
    from assay.run_folder import Run

    verb = words[0]
    if verb in ("train", "harden"):
        place = Path(words[words.index("--out") + 1])
        words = [*words, "--resume" if Run(place).has("checkpoint.pt") else "--force"]
    elif verb not in ("model", "lesson"):
        words = [*words, "--force"]
    if "--tensorboard" in words and not find_spec("tensorboard"):
        note("assay: without --tensorboard, as that extra is not installed")
        words.remove("--tensorboard")
    if code := carried_out(words):
        raise ValueError(f"assay {shlex.join(words)} ended with exit code {code}")

"""What several verbs share: their options, and the steps from an option to a thing. No torch until a step is taken."""

import json as json_
import os
import sys
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, UseAppendAction, arg

if TYPE_CHECKING:
    import torch

    from assay.data import ImageSet
    from assay.evaluate.robust import Plan
    from assay.models.classifier import Classifier
    from assay.run_folder import Run

LARGEST = 4096  # pixels that --size takes
HEARD: set[str] = set()  # notes that this process has printed
INVOKED: ContextVar[str] = ContextVar("INVOKED", default="")  # the command line, for the record

RunPath = Annotated[Positional[Path], arg(metavar="RUN", help="a run folder")]
Json = Annotated[bool, arg(help="print the result as JSON")]
Force = Annotated[bool, arg(help="replace what is there")]
Device = Annotated[Literal["auto", "cpu", "cuda"], arg(help="where to compute; auto takes a GPU if there is one")]
Data = Annotated[str | None, arg(metavar="NAME", help="a data set, or folder:PATH; the run's own if not given")]
Size = Annotated[int | None, arg(metavar="N", help="make the images of folder: and parquet: N×N pixels")]
SkipBad = Annotated[bool, arg(help="leave out images that cannot be read")]
Board = Annotated[bool, arg(help="write RUN/tb while it learns, for: tensorboard --logdir RUN/tb")]
Compile = Annotated[bool, arg(help="learn through torch.compile, which takes its time first")]
Patience = Annotated[int | None, arg(metavar="N", help="end after N epochs that were no better, keep the best one")]
Split = Annotated[Literal["train", "validation", "test"], arg(help="which part of the data")]
Images = Annotated[int | None, arg(metavar="N", help="so many images, every class in proportion; all if not given")]
ThreatText = Annotated[str, arg(metavar="THREAT", help="what the enemy may do, such as linf(8/255), l2(0.5) or l1(12)")]
EpsText = Annotated[str | None, arg(metavar="E,E,…", help="a list of eps to draw a curve over, such as 0,.05,8/255")]
GoalText = Annotated[str, arg(metavar="GOAL", help='untargeted, "toward(3)", least_likely, random or every')]
EightBit = Annotated[bool, arg(help="send images of 8 bit, as a file holds them; rounded inward, then judged")]
Seed = Annotated[int, arg(metavar="N", help="what the random numbers are made from")]
Workers = Annotated[int, arg(metavar="N", help="so many processes share the work; the answer is the same")]
Specs = Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="SPEC")]
Augment = Annotated[
    UseAppendAction[tuple[str, ...]],
    arg(
        metavar="SPEC",
        help="alternating_flip, cutout(size=8), flip, shift(pixels=4), none; the recipe's if not given",
    ),
]


def device_of(name: str) -> "torch.device":
    """The device asked for; ValueError where there is none."""
    import torch

    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: this machine has no GPU that torch can use; there are auto, cpu")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # what decides and what proves is float32, not 10 bits of it
    return torch.device(name)


def each_once(runs: Sequence[Path], verb: str) -> None:
    """ValueError where no run was given, or one of them twice."""
    if not runs:
        raise ValueError(f"assay {verb} needs at least one RUN")
    folders = [run.resolve() for run in runs]
    if twice := [run for run, folder in zip(runs, folders, strict=True) if folders.count(folder) > 1]:
        raise ValueError(f"{twice[0]} was given twice")


def load_run(path: Path) -> "tuple[Run, Classifier]":
    """A run and its classifier."""
    import torch

    from assay.models.classifier import restore
    from assay.run_folder import open_run

    run = open_run(path)
    description, weights = run.read_model()
    try:
        tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
        return run, restore(description, tensors)
    except (ValueError, TypeError) as error:  # a dtype that torch has not
        raise ValueError(f"{path}: {error}") from error


def load_images(run: "Run", data: str | None, split: str, images: int | None, skip_bad: bool = False) -> "ImageSet":
    """The images that a verb works on, of the size that the model takes, if they can be had in any.

    ValueError if their classes or their shape are not those of the run.
    """
    from assay.data import Wish, load

    config, model = run.read_json("config.json"), run.read_json("model.json")
    channels, height, width = model["shape"]
    wish = Wish(channels, (height, width), skip_bad or (data is None and bool(config.get("skip_bad"))))
    try:
        found = load(data or config["data"], split, images, wish)
    except ValueError as error:
        if data or not str(error).endswith("is not there"):
            raise
        raise ValueError(f"{error}: if it was moved, say --data {config['data'].partition(':')[0]}:NEW") from error
    if len(model["classes"]) != len(found.classes):
        raise ValueError(f"the model has {len(model['classes'])} classes, {found.name} has {len(found.classes)}")
    if tuple(model["shape"]) != found.shape:
        raise ValueError(f"the model takes images {tuple(model['shape'])}, {found.name} has {found.shape}")
    hear(found)
    return found.named(model["classes"])


def load_named(
    name: str, split: str, images: int | None = None, size: int | None = None, skip_bad: bool = False
) -> "ImageSet":
    """A data set by its name. ValueError where --size asks for what it has not."""
    from assay.data import Wish, load

    if size is not None and not 1 <= size <= LARGEST:
        raise ValueError(f"--size must be between 1 and {LARGEST}, got {size}")
    found = load(name, split, images, Wish(size=(size, size) if size else None, skip_bad=skip_bad))
    if size and found.shape[1:] != (size, size):
        there = "×".join(map(str, found.shape[1:]))
        raise ValueError(f"--size {size}: {name} has images of {there}; those of folder: and parquet: can be resized")
    hear(found)
    return found


def hear(images: "ImageSet") -> None:
    """Say once what there is to know of how the images came to be."""
    for text in images.notes:
        if text not in HEARD:
            HEARD.add(text)
            note(f"assay: {text}")


def plan_of(
    attacks: Sequence[str], threat: str, eps: str | None, goal: str, seed: int, device: str, eight_bit: bool = False
) -> "Plan":
    """The plan that the options ask for; ValueError before any work is done."""
    from assay import spec
    from assay.adversary.goal import read_goal
    from assay.adversary.threat import read_threat
    from assay.adversary.victim import fast_precision
    from assay.evaluate.guest import read_attacks
    from assay.evaluate.robust import Plan

    calls = read_attacks(attacks)
    aim, where, budget = read_goal(goal), device_of(device), read_threat(threat)
    if budget.eps is None:
        raise ValueError(f"{threat}: an eps is needed, such as {budget.norm.name}(8/255)")
    assert isinstance(budget.eps, float)
    listed = [] if eps is None else [spec.number(part, f"--eps {eps[:80]!r}:") for part in eps.split(",")]
    epsilons = sorted({*listed, budget.eps})
    return Plan(calls, budget, epsilons, aim, seed, fast_precision(where), where, eight_bit=eight_bit)


def show(result: dict[str, Any], text: str, json: bool) -> None:
    """Print the result, for a machine or for a person."""
    print(json_.dumps(result, indent=1, ensure_ascii=False) if json else text)


def show_names(kind: str, about: dict[str, str], json: bool) -> None:
    """Print what there is, each name with the line that says what it is."""
    widest = max(map(len, about))
    show({kind: about}, "\n".join(f"{name:<{widest}}  {line}" for name, line in about.items()), json)


def grouped(number: int) -> str:
    """A whole number in groups of three: 799 078."""
    return f"{number:,}".replace(",", " ")


def note(text: str) -> None:
    """A word on the side, which is no result; of several processes that train together the first one says it."""
    if os.environ.get("RANK", "0") == "0":
        print(text, file=sys.stderr)


def percent(share: dict[str, Any]) -> str:
    """ "93.2 % (92.1–94.1, n 1000)" """
    return f"{share['share']:6.1%} ({100 * share['low']:.1f}–{100 * share['high']:.1f}, n {share['n']})".replace(
        "%", " %"
    )


def environment(seed: int) -> dict[str, Any]:
    """For env.json: command, date, versions, hardware, seed."""
    import platform
    from datetime import UTC, datetime

    import numpy
    import torch

    from assay import __version__

    return {
        "command": INVOKED.get(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "assay": __version__,
        "commit": _commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "seed": seed,
    }


def _commit() -> str | None:
    """The commit of the checkout that assay runs from; None where it runs from no checkout."""
    import subprocess

    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _processor() -> str:
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()

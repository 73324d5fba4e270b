"""What a report has seen of each run: everything that the panels draw from, read and re-counted once."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.run_folder import Folder, Run
from assay.tally import passes, tally


@dataclass(frozen=True)
class Evaluated:
    """An evaluation: its settings, its table, and the figures re-counted from the table."""

    folder: Folder
    settings: dict[str, Any]
    env: dict[str, Any]
    table: dict[str, np.ndarray]
    figures: dict[str, Any]
    costs: dict[tuple[str, float], dict[str, Any]]

    @property
    def eps(self) -> float:
        """The eps of the threat: the one that the verdict is about."""
        return float(self.settings["eps"])

    def passes(self, line: Mapping[str, Any]) -> float:
        """Images through the model, forward and backward, for each image that the attack of that line attacked."""
        return passes(self.costs[line["attack"], line["eps"]], line)

    def robust(self, eps: float) -> dict[str, Any]:
        """The share of images that stand at that eps."""
        return next(line for line in self.figures["robust"] if line["eps"] == eps)


@dataclass(frozen=True)
class Seen:
    """A run, its place among the runs of the report (which gives it colour and line), and what it holds."""

    run: Run
    name: str
    called: str
    place: int
    config: dict[str, Any]
    env: dict[str, Any]
    model: dict[str, Any]
    history: list[dict[str, Any]]
    taken_back: list[dict[str, Any]]
    clean: Evaluated | None
    attacked: Evaluated | None
    evaluations: tuple[str, ...]

    @property
    def tested(self) -> Evaluated | None:
        """The evaluation that tells of clean images: that of them alone, or else the attacked one's clean part."""
        return self.clean or self.attacked

    @property
    def others(self) -> list[str]:
        """The evaluations that the page does not show."""
        shown = [evaluation.folder.path.name for evaluation in (self.clean, self.attacked) if evaluation]
        return [name for name in self.evaluations if name not in shown]

    @property
    def typed(self) -> str:
        """The run's folder, as the page calls it, as a shell wants it."""
        return shlex.quote(self.called)


def look(
    runs: list[Run], wanted: Callable[[Folder], bool] = lambda _: True, called: Sequence[str] | None = None
) -> list[Seen]:
    """Read the runs. Of their evaluations one that all of them have, if there is one, else one of each.

    Which: rather of the run's own test images than of others, rather a curve than one eps, and then the newest; of
    those that are wanted. called: the folders' names on the page, if they are others than here.
    """
    called = called or [str(run.path) for run in runs]
    kinds = [_evaluations(run, wanted) for run in runs]
    shared = set.intersection(*(set(attacked) for _, attacked in kinds)) if kinds else set()
    names = [run.name for run in runs]
    seen = []
    for place, (run, (clean, attacked)) in enumerate(zip(runs, kinds, strict=True)):
        best = [name for name in attacked if name in shared] or attacked
        name = names[place] if names.count(names[place]) == 1 else called[place]
        all_of = [each for each in run.names("evaluations") if each in {*clean, *attacked}]
        shown = clean[-1] if clean else None, best[-1] if best else None
        seen.append(seen_of(run, (name, called[place], place), shown, all_of))
    return seen


def seen_of(
    run: Run, told: tuple[str, str, int], shown: tuple[str | None, str | None], evaluations: Iterable[str]
) -> Seen:
    """A run as a page tells of it (name, folder, place), and what it shows of its evaluations (clean, attacked)."""
    (name, called, place), (clean, attacked) = told, shown
    return Seen(
        run=run,
        name=name,
        called=called,
        place=place,
        config=run.read_json("config.json"),
        env=run.read_json("env.json"),
        model=run.read_json("model.json"),
        history=run.read_lines("metrics.jsonl") if run.has("metrics.jsonl") else [],
        taken_back=_taken_back(run),
        clean=evaluated(run.evaluation(clean)) if clean else None,
        attacked=evaluated(run.evaluation(attacked)) if attacked else None,
        evaluations=tuple(evaluations),
    )


def _taken_back(run: Run) -> list[dict[str, Any]]:
    """The epochs of a hardening that its sentinel took back."""
    if not run.has("panels/sentinel.json"):
        return []
    found: list[dict[str, Any]] = run.read_json("panels/sentinel.json")["taken_back"]
    return found


def _evaluations(run: Run, wanted: Callable[[Folder], bool]) -> tuple[list[str], list[str]]:
    """Those on clean images, and those under attack, the best to show last."""
    own = run.read_json("panels/data.json")["name"] if run.has("panels/data.json") else None
    folders = {name: run.evaluation(name) for name in run.names("evaluations")}
    found = {name: folder.read_json("config.json") for name, folder in folders.items() if wanted(folder)}

    def worth(name: str) -> tuple[bool, bool]:
        config = found[name]
        return config["split"] == "test" and config["data"] == own, len(config["epsilons"]) > 1

    attacked = sorted((name for name, config in found.items() if config["attacks"]), key=worth)
    return [name for name in found if name not in attacked], attacked


def evaluated(folder: Folder) -> Evaluated:
    """An evaluation that is finished."""
    settings, table = folder.read_json("config.json"), folder.read_table("images.parquet")
    figures = tally(table, settings["attacks"], settings["epsilons"], len(settings["classes"]))
    costs = {(cost["attack"], cost["eps"]): cost for cost in folder.read_json("costs.json")}
    return Evaluated(folder, settings, folder.read_json("env.json"), table, figures, costs)

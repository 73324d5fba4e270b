"""What a report has seen of each run: everything that the panels draw from, read and re-counted once."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assay.run_folder import Folder, Run
from assay.tally import tally


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
        cost = self.costs[line["attack"], line["eps"]]
        return float(cost["forwards"] + cost["backwards"]) / max(1, line["attacked"])

    def robust(self, eps: float) -> dict[str, Any]:
        """The share of images that stand at that eps."""
        return next(line for line in self.figures["robust"] if line["eps"] == eps)


@dataclass(frozen=True)
class Seen:
    """A run, its place among the runs of the report (which gives it colour and line), and what it holds."""

    run: Run
    name: str
    place: int
    config: dict[str, Any]
    env: dict[str, Any]
    model: dict[str, Any]
    history: list[dict[str, Any]]
    clean: Evaluated | None
    attacked: Evaluated | None

    @property
    def others(self) -> list[str]:
        """The evaluations that the page does not show."""
        shown = [evaluation.folder.path.name for evaluation in (self.clean, self.attacked) if evaluation]
        return [name for name in self.run.names("evaluations") if name not in shown]

    @property
    def typed(self) -> str:
        """The run's folder as a shell wants it."""
        return shlex.quote(str(self.run.path))


def look(runs: list[Run]) -> list[Seen]:
    """Read the runs. Of their evaluations one that all of them have, if there is one, else one of each.

    Which: rather of the run's own test images than of others, rather a curve than one eps, and then the newest.
    """
    shared = set.intersection(*(set(_attacked(run)) for run in runs))
    names = [run.name for run in runs]
    seen = []
    for place, run in enumerate(runs):
        evaluations = [name for name in _attacked(run) if name in shared] or _attacked(run)
        seen.append(
            Seen(
                run=run,
                name=names[place] if names.count(names[place]) == 1 else str(run.path),
                place=place,
                config=run.read_json("config.json"),
                env=run.read_json("env.json"),
                model=run.read_json("model.json"),
                history=run.read_lines("metrics.jsonl") if run.has("metrics.jsonl") else [],
                clean=_read(run.evaluation(clean[-1])) if (clean := _clean(run)) else None,
                attacked=_read(run.evaluation(evaluations[-1])) if evaluations else None,
            )
        )
    return seen


def _attacked(run: Run) -> list[str]:
    """The evaluations under attack, the best to show last."""
    own = Path(run.read_json("config.json")["data"].rpartition(":")[2]).name
    found = {name: run.evaluation(name).read_json("config.json") for name in run.names("evaluations")}
    found = {name: config for name, config in found.items() if config["attacks"]}
    return sorted(
        found,
        key=lambda name: (
            found[name]["split"] == "test" and found[name]["data"] == own,
            len(found[name]["epsilons"]) > 1,
        ),
    )


def _clean(run: Run) -> list[str]:
    names = run.names("evaluations")
    return [name for name in names if not run.evaluation(name).read_json("config.json").get("attacks")]


def _read(folder: Folder) -> Evaluated:
    settings, table = folder.read_json("config.json"), folder.read_table("images.parquet")
    figures = tally(table, settings["attacks"], settings["epsilons"], len(settings["classes"]))
    costs = {(cost["attack"], cost["eps"]): cost for cost in folder.read_json("costs.json")}
    return Evaluated(folder, settings, folder.read_json("env.json"), table, figures, costs)

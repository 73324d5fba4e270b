"""Where a lab's figures come from: its run folders, counted again from their tables; and its lessons, worked again."""

import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from assay import lessons
from assay.cli.labs.plan import LATER, Step
from assay.cli.model import describe
from assay.lessons.paper.numbers import spoken
from assay.report.seen import Evaluated, evaluated
from assay.run_folder import Folder, Run, open_run
from assay.tally import column, kept_epoch, paired, paired_mean, share


class Bench:
    """The folder of a lab. What a run has not is a ValueError that names it.

    steps: only runs and evaluations that these made are taken, whatever else was put beside them; all if none.
    """

    def __init__(self, out: Path, quick: bool, steps: Sequence[Step] = ()) -> None:
        self.out, self.quick, self.steps = out, quick, steps
        self.run = cache(self._run)
        self.lesson = cache(self._lesson)
        self.evaluations = cache(self._evaluations)

    def _run(self, name: str) -> Run:
        run = open_run(self.out / name)
        if not self.made(run):
            raise ValueError(f"{run.path} was made by another command: {run.read_json('env.json')['command']}")
        return run

    def made(self, folder: Folder) -> bool:
        """Whether one of the steps made it, going by the command that it records."""
        command = folder.read_json("env.json")["command"]
        return not self.steps or any(made_by(step.command, command) for step in self.steps)

    def _evaluations(self, name: str) -> list[Evaluated]:
        run = self.run(name)
        found = [run.evaluation(each) for each in run.names("evaluations")]
        return [evaluated(each) for each in found if self.made(each)]

    def _lesson(self, name: str, **settings: str) -> lessons.Lesson:
        function: Any = getattr(lessons, name)
        found: lessons.Lesson = function(**settings)
        return found

    def worked(self, lesson: str, result: str, **settings: str) -> str:
        """A result of a lesson: as on paper, and by torch, which agreed. Its own numbers where no others are given."""
        return spoken(self.lesson(lesson, **settings)[result])

    def parameters(self, name: str) -> int:
        return int(self.run(name).read_json("model.json")["parameters"])

    def described(self, name: str) -> dict[str, Any]:
        """The network's layers, and the share that each kind has of its parameters and outputs."""
        return describe(str(self.out / name), None)

    def data(self, name: str) -> dict[str, Any]:
        """What the run says of the images that it was trained on."""
        found: dict[str, Any] = self.run(name).read_json("panels/data.json")
        return found

    def recipe(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.run(name).read_json("config.json")["recipe"]
        return found

    def test(self, name: str) -> dict[str, Any]:
        """Right, of all test images, after the end of training."""
        return self._clean(name).figures["clean"]

    def top5(self, name: str) -> dict[str, Any]:
        return self._clean(name).figures["top5"]

    def per_class(self, name: str) -> list[dict[str, Any]]:
        """Precision, recall and F1 of each class, on all test images."""
        return self._clean(name).figures["per_class"]

    def _clean(self, name: str) -> Evaluated:
        own = self.data(name)["name"]
        found = [
            one
            for one in self.evaluations(name)
            if not one.settings["attacks"] and (one.settings["split"], one.settings["data"]) == ("test", own)
        ]
        if not found:
            raise ValueError(f"{self.out / name} has no evaluation of its own test images")
        return found[-1]

    def history(self, name: str) -> list[dict[str, Any]]:
        return self.run(name).read_lines("metrics.jsonl")

    def kept(self, name: str) -> dict[str, Any]:
        """The epoch whose weights the run has."""
        history = self.history(name)
        if not history:
            raise ValueError(f"{self.out / name} has no epochs in metrics.jsonl")
        return history[kept_epoch(self.recipe(name).get("keep", "last"), history) - 1]

    def seconds(self, name: str) -> float:
        """Of training."""
        return float(sum(line["seconds"] for line in self.history(name)))

    def under(self, name: str, attack: str, eps: float, goal: str = "untargeted") -> tuple[Evaluated, dict[str, Any]]:
        """An evaluation, and its line of that attack (or FILE.py:FUNCTION) at that eps; of several the newest."""
        for one in reversed(self.evaluations(name)):
            for line in one.figures["attacks"]:
                named = line["attack"] == attack or line["attack"].endswith(f"/{attack}")
                if named and (line["eps"], one.settings["goal"]) == (eps, goal):
                    return one, line
        raise ValueError(f"{self.out / name} has no evaluation of {attack} at eps {eps:g} with the goal {goal}")

    def left(self, name: str, attack: str, eps: float, goal: str = "untargeted") -> dict[str, Any]:
        """Right images that the attack leaves; of a goal with targets those that it does not lead there."""
        return self.under(name, attack, eps, goal)[1]

    def cost(self, name: str, attack: str, eps: float) -> str:
        """What an attack left, and what that took, of an image."""
        one, line = self.under(name, attack, eps)
        looks = f"L2 {line['mean_l2']:.2f}, linf {line['mean_linf']:.3f}, SSIM {line['mean_ssim']:.3f}"
        return f"{100 * line['share']:.1f} % left, {one.passes(line):.1f} passes, {looks}"

    def own_count(self, name: str, attack: str, eps: float) -> dict[str, Any]:
        """Right images that the model still calls by their name, whatever the judge says of the attack's answers."""
        one, line = self.under(name, attack, eps)
        table = one.table
        stays = table[column(line["attack"], line["eps"], "prediction")] == table["label"]
        return share((table["clean_prediction"] == table["label"]) & stays)

    def robust(self, name: str) -> dict[str, Any]:
        """Right under every attack of the newest standard evaluation, at its eps."""
        found = [one for one in self.evaluations(name) if one.settings["name"].endswith("-standard")]
        if not found:
            raise ValueError(f"{self.out / name} has no standard evaluation")
        return found[-1].robust(found[-1].eps)

    def compared(self, one: str, other: str) -> dict[str, Any]:
        """The two on the same test images when nobody attacks, with McNemar's exact test."""
        return paired(self._right(one), self._right(other))

    def gain(self, one: str, other: str) -> dict[str, float]:
        """Points of test accuracy that the other has more, paired, with the 95 % interval."""
        found = paired_mean(self._right(one).astype(float), self._right(other).astype(float))
        return {"points": 100 * found["gained"], "low": 100 * found["low"], "high": 100 * found["high"]}

    def _right(self, name: str) -> np.ndarray:
        table = self._clean(name).table
        return np.asarray(table["clean_prediction"] == table["label"])

    def explanations(self, name: str, method: str) -> list[Folder]:
        """Those by that method, the newest last."""
        run = self.run(name)
        found: list[Folder] = [run.explanation(each) for each in run.names("explanations")]
        found = [each for each in found if each.read_json("config.json")["name"] == method]
        if not found:
            raise ValueError(f"{self.out / name} has no explanation by {method}")
        return found

    def explanation(self, name: str, method: str) -> Folder:
        """The newest of them."""
        return self.explanations(name, method)[-1]

    def panel(self, name: str, panel: str) -> dict[str, Any]:
        found: dict[str, Any] = self.run(name).read_json(f"panels/{panel}.json")
        return found


def made_by(step: str, command: str) -> bool:
    """Whether a recorded command is that step's, wherever the lab's folder lay, begun again or gone on with."""
    wanted = [word for word in shlex.split(step) if word not in LATER]
    ran = [word for word in shlex.split(command)[1:] if word not in LATER]
    places = set()
    for asked, typed in zip(wanted, ran, strict=False):
        before, out, after = asked.partition("{out}")
        if not (typed.startswith(before) and typed.endswith(after) and len(typed) >= len(before + after)):
            return False
        places.add(typed[len(before) : len(typed) - len(after)] if out else None)
        if not out and typed != asked:
            return False
    return len(wanted) == len(ran) and len(places - {None}) <= 1

"""An evaluation as it is looked at: its settings, its table, the plan that it says it carried out, the clean images."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from assay import spec
from assay.adversary.goal import Goal, read_goal
from assay.adversary.threat import THREATS
from assay.attacks import ATTACKS, Facts, Kind
from assay.chance import Draws
from assay.data import ImageSet
from assay.evaluate.robust import SHARD, Plan, facts
from assay.run_folder import Evaluation
from assay.spec import Call
from assay.tally import Table, brackets, column
from assay.verify.ledger import Ledger
from assay.verify.source import Source

BLIND = "least_likely"  # the goal whose targets only the model knows


@dataclass(frozen=True)
class Looked:
    """`images` are the clean ones, a row for each of the table, or None where they cannot be had.

    `plan` holds the attacks of this house; a guest's is a stub that is never run.
    """

    folder: Evaluation
    config: dict[str, Any]
    table: Table
    plan: Plan
    images: ImageSet | None

    @property
    def file(self) -> Path:
        """The table's."""
        return self.folder.path / "images.parquet"

    @property
    def attacks(self) -> list[str]:
        return [str(attack) for attack in self.plan.attacks]

    @property
    def right(self) -> np.ndarray:
        """The rows whose clean image is."""
        return np.asarray(self.table["clean_prediction"] == self.table["label"])

    @property
    def place(self) -> dict[int, int]:
        """The row of each index."""
        return {int(index): row for row, index in enumerate(self.table["index"])}

    def of(self, attack: str, eps: float, what: str) -> np.ndarray:
        """A column of the table."""
        return self.table[column(attack, float(eps), what)]

    def counted(self) -> dict[str, np.ndarray]:
        """The table with brackets that were counted again."""
        low, high = brackets(self.table, self.attacks, self.plan.epsilons)
        return {**self.table, "eps_survived": low, "eps_broken": high}

    def goal(self) -> Goal | None:
        """What the enemy wants of each row; None where only the model knows."""
        if self.plan.goal.name == BLIND:
            return None
        labels, index = (torch.from_numpy(np.array(self.table[key], np.int64)) for key in ("label", "index"))
        nothing = torch.zeros(len(labels), len(self.config["classes"]))
        found: Goal = self.plan.goal(labels, nothing, Draws(self.plan.seed, index))
        return found


def look(ledger: Ledger, folder: Evaluation, source: Source) -> Looked | None:
    """Read it; None, and a line, where that cannot be done."""
    with ledger.reading():
        config, table = folder.read_json("config.json"), folder.read_table("images.parquet")
        where = folder.path / "config.json"
        try:
            plan = plan_of(config)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        command = str(folder.read_json("env.json").get("command", "")) if folder.has("env.json") else ""
        data, split, shape = config["data"], config["split"], config["shape"]
        images = source.whole(ledger, where, data, split, shape, config["classes"], command)
        drawn = config["seed"] if config.get("half_width") else None
        chosen = source.first(ledger, where, images, config["n"], drawn)
        return Looked(folder, config, table, plan, _compared(ledger, folder, config, table, chosen))
    return None


def plan_of(config: dict[str, Any]) -> Plan:
    """The plan that a config.json tells of. ValueError where there is no such plan."""
    threat = THREATS[config["norm"]](float(config["eps"]))
    calls = tuple(_stub(text) if ".py:" in text else spec.read(text, ATTACKS, "attack") for text in config["attacks"])
    eight_bit, device = bool(config.get("eight_bit")), torch.device("cpu")
    shard = config.get("shard")
    plan = Plan(
        calls,
        threat,
        [float(eps) for eps in config["epsilons"]],
        read_goal(config["goal"]),
        config["seed"],
        "bfloat16" if config["precision"] == "bfloat16" else "float32",
        device,
        shard if isinstance(shard, int) and shard > 0 else SHARD,
        eight_bit=eight_bit,
    )
    for eps in plan.epsilons:
        threat.at(eps).fits(tuple(config["shape"]))
    return plan


def kind_of(attack: Call) -> Kind | None:
    """The kind of an attack; None for somebody's own, of which nothing is known unless its file is run."""
    return None if guest(attack) else facts(attack).kind


def guest(attack: Call) -> bool:
    """Whether it is an attack of somebody's own."""
    return ".py:" in attack.name


def _stub(text: str) -> Call:
    def stub() -> None:
        raise AssertionError("nobody's file is run without --rerun")

    stub.facts = Facts("budget", "gradients", tuple(THREATS), None)  # type: ignore[attr-defined]
    return Call(text, stub, {})


def _compared(
    ledger: Ledger, folder: Evaluation, config: dict[str, Any], table: Table, images: ImageSet | None
) -> ImageSet | None:
    """The same images, if the table is about them."""
    if images is None:
        return None
    where, index = folder.path / "config.json", table["index"]
    ledger.same(where, "fingerprint", config["fingerprint"], images.fingerprint)
    of_data = {"index": images.index.numpy(), "label": images.labels.numpy()}
    if len(index) != len(images):
        ledger.differs(folder.path / "images.parquet", f"{len(index)} rows, {len(images)} images")
        return None
    for key, wanted in of_data.items():
        says = table[key]
        wrong = says != wanted

        def tell(row: int, key: str = key, says: np.ndarray = says, wanted: np.ndarray = wanted) -> str:
            return f"{key} is {says[row]}, {wanted[row]} in {config['data']} {config['split']}"

        ledger.rows(folder.path / "images.parquet", index, wrong, tell)
    return images if np.array_equal(index, of_data["index"]) else None

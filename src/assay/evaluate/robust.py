"""One shard of an evaluation: every attack at every eps on each image that is right, judged, and put into a table."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from operator import add
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from tqdm import tqdm

from assay.adversary.goal import Goal, dlr_exists
from assay.adversary.threat import Threat
from assay.adversary.victim import MICRO_BATCH, Precision, Victim, usual_micro_batch
from assay.attacks import Facts
from assay.chance import Draws
from assay.data import ImageSet
from assay.evaluate.certificate import certificates
from assay.evaluate.judge import Verdicts, answers, judge, rank
from assay.models.classifier import Classifier
from assay.spec import Call, defaults
from assay.tally import brackets, column, first_breaker

SHARD = 1024  # images, of those that are small
MEMORY = 1 << 26  # bytes of pixels in float32 that a shard has at most; an attack keeps some ten times that


@dataclass(frozen=True)
class Plan:
    """What is asked, whatever the model: the attacks, the threat and its list of eps, and how to compute."""

    attacks: Sequence[Call]
    threat: Threat
    epsilons: Sequence[float]
    goal: Call
    seed: int
    precision: Precision
    device: torch.device
    shard: int | None = None  # images in each; None: as many as memory allows
    checked: bool = False  # whether the diagnostics look at what was found
    eight_bit: bool = False  # whether answers are rounded to 8 bit, back toward the image, before they are judged

    def check(self, images: ImageSet) -> None:
        """ValueError before any work, for an eps that is impossible or an attack that does not know the norm."""
        for eps in self.epsilons:
            self.threat.at(eps).fits(images.shape)
        for attack in self.attacks:
            norms = facts(attack).norms
            if self.threat.norm.name not in norms:
                raise ValueError(f"{attack.name} knows {' and '.join(norms)}, got {self.threat}")

    def sized(self, images: ImageSet, workers: int = 1) -> "Plan":
        """The same with shards of a size: what memory allows, and for several workers a few shards each."""
        if self.shard:
            return self
        most = max(1, min(SHARD, MEMORY // (4 * math.prod(images.shape))))
        few = max(MICRO_BATCH, -(-len(images) // (4 * workers)))
        return replace(self, shard=most if workers == 1 else min(most, few))

    def parts(self, images: ImageSet) -> list[slice]:
        """The rows of each shard."""
        size = self.sized(images).shard or 1
        return [slice(start, min(start + size, len(images))) for start in range(0, len(images), size)]

    def notes(self, classes: int) -> list[str]:
        """What is not done as it was asked for: dlr, where there are too few classes."""
        losses = {str(attack): {**defaults(attack.function), **attack.settings}.get("loss") for attack in self.attacks}
        losses[str(self.goal)] = self.goal.settings.get("loss")
        targeted = self.goal.name != "untargeted"
        return [
            f"{who}: dlr needs {4 if targeted else 3} classes and there are {classes}; the margin is climbed instead"
            for who, loss in losses.items()
            if loss == "dlr" and not dlr_exists(classes, targeted)
        ]

    def describe(self) -> dict[str, Any]:
        """For config.json."""
        return {
            "attacks": [str(attack) for attack in self.attacks],
            "norm": self.threat.norm.name,
            "eps": self.threat.eps,
            "epsilons": list(self.epsilons),
            "goal": str(self.goal),
            "seed": self.seed,
            "precision": self.precision,
            "micro_batch": usual_micro_batch(self.device),
            "shard": self.shard,
            "eight_bit": self.eight_bit,
            "device": self.device.type,
        }


@dataclass(frozen=True)
class Cost:
    """What an attack at one eps has cost: passes of images, and seconds."""

    attack: str
    eps: float
    forwards: int
    backwards: int
    seconds: float

    def __add__(self, other: "Cost") -> "Cost":
        sums = (getattr(self, name) + getattr(other, name) for name in ("forwards", "backwards", "seconds"))
        return Cost(self.attack, self.eps, *sums)


@dataclass(frozen=True)
class Played:
    """The points `(B, C, H, W)` that an attack returned, what they cost, and the curves that it recorded."""

    points: Tensor
    cost: Cost
    curves: dict[str, Tensor]


@dataclass(frozen=True)
class Evaluation:
    """The table (see tally), the costs, and the proof: of each image that is not robust the `pixels` that broke it, at
    the smallest eps and by the first attack that did (the table's eps_broken and first_breaker), and its `index`.

    curves: by "attack: name" what an attack recorded at each step, the mean of the images of the first shard."""

    table: dict[str, np.ndarray]
    costs: list[Cost]
    proof: dict[str, np.ndarray]
    curves: dict[str, np.ndarray]


def joined(plan: Plan, one: Evaluation, later: Plan, other: Evaluation) -> Evaluation:
    """Two evaluations of the same images by different attacks as one, in which the second plan's come last."""
    table = {**one.table, **{name: column for name, column in other.table.items() if "@" in name}}
    derive(table, replace(plan, attacks=(*plan.attacks, *later.attacks)))
    sooner = other.table["eps_broken"] < one.table["eps_broken"]  # at the same eps, the first attack has the proof
    late = np.isin(other.proof["index"], other.table["index"][sooner])
    first = ~np.isin(one.proof["index"], other.proof["index"][late])
    order = np.argsort(np.concatenate([one.proof["index"][first], other.proof["index"][late]]), kind="stable")
    proof = {name: np.concatenate([one.proof[name][first], other.proof[name][late]])[order] for name in one.proof}
    return Evaluation(table, [*one.costs, *other.costs], proof, one.curves | other.curves)


def derive(table: dict[str, np.ndarray], plan: Plan) -> None:
    """Add the columns that follow from the verdicts."""
    labels = [str(attack) for attack in plan.attacks]
    table["first_breaker"] = first_breaker(table, labels, plan.epsilons)
    table["eps_survived"], table["eps_broken"] = brackets(table, labels, plan.epsilons)


def run_attack(
    classifier: Classifier, images: ImageSet, goal: Goal, plan: Plan, attack: Call, eps: float | Tensor
) -> Played:
    """What an attack returns for some images: the same points in every company. eps may be one for each image.

    An attack of kind "minimum" is not told eps. A goal that is many is tried one after the other, each on the images
    that no other has broken.
    """
    draws, pixels = Draws(plan.seed, images.index.to(plan.device)), images.pixels(plan.device)
    threat = plan.threat.at(None if facts(attack).kind == "minimum" else eps)
    began = time.perf_counter()
    with Victim(classifier, access=facts(attack).access, precision=plan.precision) as victim:
        parts = goal.each()
        points: Tensor = attack(victim, pixels, parts[0], threat, draws)
        for part in parts[1:]:
            rows = (~goal.reached(victim.labels(points))).nonzero()[:, 0]
            points = points.index_copy(0, rows, attack(victim, pixels[rows], part[rows], threat[rows], draws[rows]))
    if plan.eight_bit and points.shape == pixels.shape:
        points = plan.threat.eight_bit(points, pixels)
    largest = float(eps.max()) if isinstance(eps, Tensor) else eps
    cost = Cost(str(attack), largest, victim.forwards, victim.backwards, time.perf_counter() - began)
    return Played(points, cost, {name: torch.stack(steps) for name, steps in victim.curves.items()})


def aim(classifier: Classifier, images: ImageSet, plan: Plan) -> tuple[Goal, Float[Tensor, "B K"]]:
    """The goal resolved to classes, and the clean logits that it was resolved with."""
    draws = Draws(plan.seed, images.index.to(plan.device))
    with Victim(classifier, access="scores") as victim:
        logits = victim.logits(images.pixels(plan.device))
    return plan.goal(images.labels.to(plan.device), logits, draws), logits


def facts(attack: Call) -> Facts:
    """What the attack says of itself."""
    found: Facts = attack.function.facts  # type: ignore[attr-defined]
    return found


def play(classifier: Classifier, shard: ImageSet, plan: Plan, bar: "tqdm[Any]") -> Evaluation:
    """All that is done to the images of a shard. It depends on nothing else."""
    goal, logits = aim(classifier, shard, plan)
    labels = shard.labels.to(plan.device)
    prediction, confidence = answers(logits)
    exempt = (prediction == labels) & goal.reached(labels)
    able = (prediction == labels) & ~exempt
    untouched = np.where(exempt.cpu(), "exempt", np.where(prediction.cpu() < 0, "fault", "wrong")).astype(object)
    table = {
        "index": shard.index.numpy(),
        "label": shard.labels.numpy(),
        "clean_prediction": prediction.cpu().numpy(),
        "clean_confidence": confidence.cpu().numpy(),
        "clean_rank": rank(logits, labels).cpu().numpy(),
    }
    still = np.zeros(len(shard), np.float32)
    blank = Verdicts(untouched, table["clean_prediction"], table["clean_confidence"], still, still, still, still + 1)
    if plan.attacks and plan.goal.name == "untargeted":
        table |= certificates(classifier, shard, plan.epsilons, plan.threat.norm.name)
    rows = able.nonzero()[:, 0]
    attacked, goal, costs = shard.rows(rows.cpu()), goal[rows], []
    once: dict[str, Played] = {}  # who looks for the smallest change is not told eps, and is asked once for all
    curves: dict[str, np.ndarray] = {}
    proof, proven = attacked.pixels(), torch.zeros(len(attacked), dtype=torch.bool)
    for eps, attack in product(plan.epsilons, plan.attacks):
        played = once.get(str(attack)) or run_attack(classifier, attacked, goal, plan, attack, eps)
        if facts(attack).kind == "minimum":
            once[str(attack)] = played
        points = played.points
        curves |= {f"{attack}: {name}": steps.mean(1).numpy() for name, steps in played.curves.items() if len(attacked)}
        verdicts = blank.copy()
        if len(attacked):
            with Victim(classifier, access="scores") as victim:
                threat, kind = plan.threat.at(eps), facts(attack).kind
                found = judge(victim, attacked.pixels(plan.device), goal, threat, points, kind)
            verdicts.put(rows.cpu().numpy(), found)
            fell = torch.from_numpy(found.verdict == "broken") & ~proven
            if fell.any():  # an answer of another shape breaks nothing
                proof[fell], proven = points.cpu()[fell], proven | fell
        table |= {column(str(attack), eps, name): values for name, values in vars(verdicts).items()}
        costs.append(replace(played.cost, eps=eps))
        bar.update(len(shard))
    bar.update(0 if plan.attacks else len(shard))
    proofs = {"pixels": proof[proven].numpy(), "index": attacked.index[proven].numpy()}
    return Evaluation(table, costs, proofs, curves)


def merged(shards: Sequence[Evaluation]) -> Evaluation:
    """The shards, one after the other."""
    table, proof = (
        {name: np.concatenate([getattr(shard, part)[name] for shard in shards]) for name in getattr(shards[0], part)}
        for part in ("table", "proof")
    )
    costs = [reduce(add, costs) for costs in zip(*(shard.costs for shard in shards), strict=True)]
    return Evaluation(table, costs, proof, next((shard.curves for shard in shards if shard.curves), {}))

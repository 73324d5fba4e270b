"""May the number be believed? The diagnostics, run on some images of an evaluation; and Square, where they ring."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from assay import spec
from assay.adversary.victim import Victim
from assay.attacks import ATTACKS
from assay.chance import Draws, permutation
from assay.data import ImageSet
from assay.evaluate.checks import Case, Finding, lights, verdict
from assay.evaluate.robust import Evaluation, Plan, facts, joined
from assay.evaluate.shards import evaluate
from assay.models.classifier import Classifier

LOOKED_AT = 64  # images: all diagnostics together take seconds, and a twentieth that behaves oddly is seen
ALARMS = ("gradients", "white_box_against_black_box", "loss_landscape", "unbounded_attack")
SQUARE = "square(steps=5000)"  # what an alarm calls for: it needs no gradients; as long as AutoAttack's
ESCALATED = f"therefore {SQUARE} attacked every image, and the number is that after it"
NONE_LEFT = f"no image is left that {SQUARE}, which an alarm calls for, could break: the number cannot be too high"


def believed(
    classifier: Classifier, images: ImageSet, plan: Plan, evaluation: Evaluation
) -> tuple[Plan, Evaluation, dict[str, Any] | None]:
    """What checks.json says, if the plan asks for it; where the gradients mislead, Square stands in plan and table."""
    right = int((evaluation.table["clean_prediction"] == evaluation.table["label"]).sum())
    if not plan.checked or not right:
        return plan, evaluation, None
    findings = examine(classifier, images, plan, evaluation)
    if not alarmed(plan, findings):
        return plan, evaluation, told(findings, right)
    if not standing(plan, evaluation):
        return plan, evaluation, told(findings, right, NONE_LEFT)
    return *escalated(classifier, images, plan, evaluation), told(findings, right, ESCALATED)


def examine(classifier: Classifier, images: ImageSet, plan: Plan, evaluation: Evaluation) -> list[Finding]:
    """What the diagnostics say of an untargeted evaluation at the threat's own eps."""
    table, eps = evaluation.table, plan.threat.eps
    right = np.flatnonzero(table["clean_prediction"] == table["label"])
    order = permutation(int(table["index"].max()) + 1, plan.seed, "diagnostics").numpy()
    rows = np.sort(right[np.argsort(order[table["index"][right]])][:LOOKED_AT])
    chosen = images.rows(torch.from_numpy(rows))
    points = chosen.pixels()
    proofs = {int(index): row for row, index in enumerate(evaluation.proof["index"])}
    for place, index in enumerate(chosen.index.tolist()):
        if index in proofs:
            points[place] = torch.from_numpy(evaluation.proof["pixels"][proofs[index]])
    device = plan.device
    case = Case(
        classifier.to(device),
        chosen.pixels(device),
        chosen.labels.to(device),
        Draws(plan.seed, chosen.index.to(device)),
        plan.threat,
        torch.from_numpy(table["eps_broken"][rows] <= eps).to(device),
        len(images.classes),
        points.to(device),
        max((facts(attack).access for attack in plan.attacks), key=("labels", "scores", "gradients").index),
    )
    with Victim(classifier, access="labels"):
        return lights(case)


def alarmed(plan: Plan, findings: list[Finding]) -> bool:
    """Whether gradients mislead here, and an attack without them has not been run yet and can be."""
    rings = any(finding.check in ALARMS and finding.light == "red" for finding in findings)
    return rings and plan.threat.norm.name in facts(_square()).norms and SQUARE not in map(str, plan.attacks)


def standing(plan: Plan, evaluation: Evaluation) -> bool:
    """Whether an image withstands any eps that was asked about: where none does, no number can be too high."""
    least = min((eps for eps in plan.epsilons if eps > 0), default=0.0)
    return bool((evaluation.table["eps_broken"] > least).any())


def escalated(classifier: Classifier, images: ImageSet, plan: Plan, evaluation: Evaluation) -> tuple[Plan, Evaluation]:
    """The same with Square in the table."""
    alone = replace(plan, attacks=(_square(),))
    return replace(plan, attacks=(*plan.attacks, _square())), joined(
        plan, evaluation, alone, evaluate(classifier, images, alone)
    )


def told(findings: list[Finding], right: int, alarm: str | None = None) -> dict[str, Any]:
    """For checks.json, of so many images that are right; alarm: what was done because gradients mislead."""
    said = verdict(findings)
    if alarm:
        said["because"] = [*said["because"], alarm]
    return {**said, "n": min(right, LOOKED_AT), "findings": [asdict(finding) for finding in findings]}


def _square() -> spec.Call:
    return spec.read(SQUARE, ATTACKS, "attack")

"""The two sides of benchmarks/autoattack.py: assay's cascade, and AutoAttack as others have it; one judge for both."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import journal

if TYPE_CHECKING:  # the process that starts the others stays without torch
    from torch import Tensor

    from assay import ImageSet
    from assay.models.classifier import Classifier

OURS = {f"assay, {effort}": f'cascade(effort="{effort}")' for effort in ("quick", "standard")}
CHECKED = "assay, standard, and Square where its alarm rings"
OURS[CHECKED] = OURS["assay, standard"]
NORMS = {"linf": "Linf", "l2": "L2", "l1": "L1"}
Measured = dict[str, Any]
Verdicts = Callable[["Classifier"], Measured]  # what the judge says, with a classifier as assay loads it


def ours(classifier: "Classifier", images: "ImageSet", job: dict[str, Any]) -> Verdicts:
    from dataclasses import replace

    import numpy as np

    from assay.cli.options import plan_of
    from assay.evaluate.belief import believed
    from assay.evaluate.shards import evaluate
    from assay.tally import column

    plan = plan_of([OURS[job["contender"]]], job["threat"], None, "untargeted", job["seed"], job["device"])
    evaluation = evaluate(classifier, images, plan)
    if job["contender"] == CHECKED:
        plan, evaluation, _ = believed(classifier, images, replace(plan, checked=True), evaluation)
    table, verdict = evaluation.table, np.full(len(images), "robust", object)
    for attack in plan.attacks:
        found = table[column(str(attack), plan.epsilons[0], "verdict")]
        verdict = np.where(verdict == "robust", found, verdict)
    return lambda _: summed(verdict, table["index"])


def theirs(classifier: "Classifier", images: "ImageSet", job: dict[str, Any]) -> Verdicts:
    import torch

    from assay.adversary.threat import read_threat

    threat, seed, batch = read_threat(job["threat"]), job["seed"], job["batch"]
    settings = {"norm": NORMS[threat.norm.name], "eps": threat.eps, "version": "standard", "seed": seed}
    torch.manual_seed(seed)
    pixels, labels = images.pixels(job["device"]), images.labels.to(job["device"])
    if job["contender"] == "original":
        sys.path[:] = [job["autoattack"], *(path for path in sys.path if Path(path) != journal.HERE)]
        from autoattack import AutoAttack

        attack = AutoAttack(classifier, device=job["device"], verbose=False, **settings)
        points = attack.run_standard_evaluation(pixels, labels, bs=batch)
    else:
        from torchattacks import AutoAttack

        attack = AutoAttack(classifier, n_classes=len(classifier.classes), **settings)
        points = torch.cat([attack(*part) for part in zip(pixels.split(batch), labels.split(batch), strict=True)])
    return lambda judging: judged(judging, images, threat, points.cpu())


def judged(classifier: "Classifier", images: "ImageSet", threat: Any, points: "Tensor") -> Measured:
    """Whatever a library says of its points, assay's judge decides."""
    import numpy as np

    from assay import Victim, judge, untargeted
    from assay.adversary.victim import predicted

    with Victim(classifier, access="scores") as victim:
        right = (predicted(victim.logits(images.pixels())) == images.labels).numpy()
        verdict = judge(victim, images.pixels(), untargeted(images.labels), threat, points).verdict
    return summed(np.where(right, verdict, "wrong"), images.index.numpy())


def summed(verdict: Any, index: Any) -> Measured:
    broken, faults = (index[verdict == kind].tolist() for kind in ("broken", "fault"))
    return {"robust": int((verdict == "robust").sum()), "broken": broken, "faults": faults}

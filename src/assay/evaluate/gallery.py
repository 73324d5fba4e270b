"""The pictures of an evaluation under attack: a gallery chosen by rule, and one image at every eps."""

from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Access, Victim
from assay.chance import permutation
from assay.data import ImageSet
from assay.evaluate.frames import frames, proofs_of, shown_epsilons
from assay.evaluate.judge import judge
from assay.evaluate.robust import Evaluation, Plan, aim, facts, run_attack
from assay.models.black_box import access_of
from assay.models.classifier import Classifier
from assay.run_folder import Folder
from assay.spec import Call

OF_EACH_RULE = 4  # pictures


def write_gallery(
    folder: Folder,
    classifier: Classifier,
    images: ImageSet,
    plan: Plan,
    evaluation: Evaluation,
    figures: dict[str, Any],
) -> None:
    """Pictures under the strongest attack at the threat's eps; and, for the slider, at others."""
    eps = plan.threat.eps
    assert isinstance(eps, float)
    attack = strongest(plan, figures, eps)
    chosen = choose(evaluation.table, plan.seed)
    if not chosen:  # no image is right
        return
    picked = images.rows(torch.tensor([row for row, _ in chosen]))
    goal, logits = aim(classifier, picked, plan)
    points = run_attack(classifier, picked, goal, plan, attack, eps).points
    if points.shape != logits.shape[:1] + images.shape:
        return
    with Victim(classifier, access="scores") as victim:
        found = judge(victim, picked.pixels(plan.device), goal, plan.threat.at(eps), points, facts(attack).kind)
        answers = victim.logits(points)
    folder.write_arrays(
        "gallery.safetensors",
        {
            "clean": picked.images.numpy(),
            "adversarial": points.cpu().numpy(),
            "clean_probability": logits.softmax(1).cpu().numpy(),
            "adversarial_probability": answers.softmax(1).cpu().numpy(),
        },
    )
    pictures = [
        {"rule": rule, "index": int(picked.index[place]), "label": int(picked.labels[place]), "verdict": verdict}
        for place, ((_, rule), verdict) in enumerate(zip(chosen, found.verdict, strict=True))
    ]
    folder.write_json("gallery.json", {"attack": str(attack), "eps": eps, "pictures": pictures})
    index = picked.index.tolist()
    proofs = proofs_of(evaluation.table, plan, evaluation.proof, index)
    attacks = attacks_shown(plan, figures, access_of(classifier.net))
    moving = frames(classifier, picked, goal, plan, attacks, proofs, {eps: points} if eps in attacks else {})
    if moving:
        moving.write(folder, index)


def attacks_shown(plan: Plan, figures: dict[str, Any], access: Access) -> dict[float, Call]:
    """The strongest attack at each eps of the frames but 0; between the eps of a plan the threat's own."""
    eps = plan.threat.eps
    assert isinstance(eps, float)
    shown = shown_epsilons(plan, access)[1:]
    return {one: strongest(plan, figures, one if one in plan.epsilons else eps) for one in shown}


def write_strip(
    folder: Folder,
    classifier: Classifier,
    images: ImageSet,
    plan: Plan,
    table: dict[str, np.ndarray],
    figures: dict[str, Any],
) -> None:
    """The first image that is right, as it is, and under the strongest attack at every eps."""
    right = np.flatnonzero(table["clean_prediction"] == table["label"])
    if not len(right):
        return
    assert isinstance(plan.threat.eps, float)
    attack, one = strongest(plan, figures, plan.threat.eps), images.rows(slice(int(right[0]), int(right[0]) + 1))
    goal, _ = aim(classifier, one, plan)
    pixels, epsilons = one.pixels(plan.device), [0.0, *(eps for eps in plan.epsilons if eps)]
    told = epsilons[1:2] if facts(attack).kind == "minimum" else epsilons[1:]  # who is not told eps is asked once
    found = [run_attack(classifier, one, goal, plan, attack, eps).points for eps in told]
    points = [pixels, *found * (len(epsilons[1:]) // max(1, len(told)))]
    if any(point.shape != pixels.shape for point in points):  # a fault, as the table says: there is nothing to show
        return
    with Victim(classifier, access="scores") as victim:
        kind = facts(attack).kind
        judged = [
            judge(victim, pixels, goal, plan.threat.at(eps), point, kind)
            for eps, point in zip(epsilons, points, strict=True)
        ]
        probability = victim.logits(torch.cat(points)).softmax(1)
    arrays = {"images": torch.cat(points).cpu().numpy(), "probability": probability.cpu().numpy()}
    folder.write_arrays("strip.safetensors", arrays)
    frames = [
        {"eps": eps, "size": float(found.size[0]), "verdict": str(found.verdict[0])}
        for eps, found in zip(epsilons, judged, strict=True)
    ]
    about = {"attack": str(attack), "index": int(one.index[0]), "label": int(one.labels[0])}
    folder.write_json("strip.json", about | {"frames": frames})


def strongest(plan: Plan, figures: dict[str, Any], eps: float) -> Call:
    """The attack that leaves the fewest images standing at that eps; the control only if there is no other."""
    left = {line["attack"]: line["count"] for line in figures["attacks"] if line["eps"] == eps}
    return min(plan.attacks, key=lambda attack: (facts(attack).kind == "control", left[str(attack)]))


def choose(table: dict[str, np.ndarray], seed: int) -> list[tuple[int, str]]:
    """Rows for the gallery, and the rule that chose each: easiest to break, hardest, random; no row twice."""
    right = np.flatnonzero(table["clean_prediction"] == table["label"])
    easiest = right[np.lexsort((table["clean_confidence"][right], table["eps_broken"][right]))]
    shuffled = right[
        np.argsort(permutation(int(table["index"].max()) + 1, seed, "gallery").numpy()[table["index"][right]])
    ]
    chosen: dict[int, str] = {}
    for rule, order in (("easiest", easiest), ("hardest", easiest[::-1]), ("random", shuffled)):
        fresh_rows = [int(row) for row in order if int(row) not in chosen][:OF_EACH_RULE]
        chosen |= dict.fromkeys(fresh_rows, rule)
    return list(chosen.items())

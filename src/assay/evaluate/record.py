"""An evaluation put into its run folder: table, figures, costs, adversarial images, and a gallery chosen by rule."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim
from assay.chance import permutation
from assay.data import ImageSet
from assay.evaluate.belief import believed
from assay.evaluate.engines import Engine
from assay.evaluate.judge import judge
from assay.evaluate.robust import Evaluation, Plan, aim, facts, run_attack
from assay.evaluate.shards import evaluate, kept_for
from assay.evaluate.stopping import evaluate_until
from assay.models.black_box import access_of
from assay.models.classifier import Classifier
from assay.run_folder import OF_PRINT, SCHEMA, Folder, Run, fresh, safe_name
from assay.spec import Call
from assay.tally import tally

OF_EACH_RULE = 4  # pictures
OF_PREDICTIONS = 12  # random ones, and mistakes


def evaluate_run(
    run: Run,
    classifier: Classifier,
    images: ImageSet,
    plan: Plan,
    name: str,
    force: bool,
    env: dict[str, Any],
    workers: int = 1,
    half_width: float | None = None,
    engine: Engine | None = None,
) -> Folder:
    """Evaluate, write everything into RUN/evaluations/…, and return that folder.

    `name` is the suite's, say; `env` tells where and when. half_width: stop where the interval of robust accuracy is
    that narrow; the images are then drawn at random.

    The folder's name tells data, images (and a beginning of their fingerprint), threat, goal and `name`. ValueError if
    it is there and not `force`.
    """
    weights, found = run.read_json("model.json")["weights"], None
    plan = plan.sized(images, workers)
    if half_width:
        images, found = evaluate_until(
            images, plan, half_width, lambda some: evaluate(classifier, some, plan, None, workers, engine)
        )
    label = _label(images, plan, name)
    folder = fresh(run.evaluation(label), force)
    kept = (
        kept_for(run.path, weights, classifier.architecture, images, plan)
        if len(plan.parts(images)) > 1 and not found
        else None
    )
    found = found or evaluate(classifier, images, plan, kept, workers, engine)
    plan, evaluation, checks = believed(classifier, images, plan, found)
    figures = tally(evaluation.table, [str(attack) for attack in plan.attacks], plan.epsilons, len(images.classes))
    _write_pictures(folder, classifier, images, plan, evaluation, figures)
    folder.write_table("images.parquet", evaluation.table)
    folder.write_json("env.json", env)
    if checks:
        folder.write_json("checks.json", checks)
    folder.write_json("costs.json", [asdict(cost) for cost in evaluation.costs])
    folder.write_json("results.json", {"schema": SCHEMA, **figures})
    about = {"schema": SCHEMA, "name": label, "weights": weights}
    about |= {"trained_on": trained_on(run, images), "notes": plan.notes(len(images.classes))}
    about |= {"half_width": half_width, "access": access_of(classifier.net)}
    folder.write_json("config.json", about | _describe(images) | plan.describe())
    if kept:
        kept.forget()
    return folder


def _label(images: ImageSet, plan: Plan, name: str) -> str:
    threat = [plan.threat, plan.goal, *["8-bit"] * plan.eight_bit] if plan.attacks else []
    return safe_name(images.name, images.split, len(images), images.fingerprint[:OF_PRINT], *threat, name)


def _write_pictures(
    folder: Folder,
    classifier: Classifier,
    images: ImageSet,
    plan: Plan,
    evaluation: Evaluation,
    figures: dict[str, Any],
) -> None:
    if plan.attacks:
        _write_gallery(folder, classifier, images, plan, evaluation, figures)
        _write_strip(folder, classifier, images, plan, evaluation.table, figures)
        folder.write_arrays("adversarial.safetensors", evaluation.proof)
        if evaluation.curves:
            folder.write_arrays("curves.safetensors", evaluation.curves)
    else:
        _write_predictions(folder, classifier, images, plan, evaluation.table)


def trained_on(run: Run, images: ImageSet) -> int | None:
    """How many of the images the run was trained on; None if nobody knows."""
    if not run.has("panels/trained_on.safetensors"):
        return None
    return int(np.isin(images.prints.numpy(), run.read_arrays("panels/trained_on.safetensors")["prints"]).sum())


def _describe(images: ImageSet) -> dict[str, Any]:
    return {
        "data": images.name,
        "split": images.split,
        "n": len(images),
        "fingerprint": images.fingerprint,
        "classes": list(images.classes),
        "shape": list(images.shape),
    }


def _write_gallery(
    folder: Folder,
    classifier: Classifier,
    images: ImageSet,
    plan: Plan,
    evaluation: Evaluation,
    figures: dict[str, Any],
) -> None:
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


def _write_strip(
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


def _write_predictions(
    folder: Folder, classifier: Classifier, images: ImageSet, plan: Plan, table: dict[str, np.ndarray]
) -> None:
    """Random images, and the mistakes that the model is surest of, with what it says of them."""
    order = permutation(int(table["index"].max()) + 1, plan.seed, "predictions").numpy()[table["index"]]
    wrong = np.flatnonzero(table["clean_prediction"] != table["label"])
    surest = wrong[np.argsort(-table["clean_confidence"][wrong], kind="stable")][:OF_PREDICTIONS]
    chosen = [(int(row), "random") for row in np.argsort(order)[:OF_PREDICTIONS]]
    chosen += [(int(row), "surest mistake") for row in surest]
    picked = images.rows(torch.tensor([row for row, _ in chosen]))
    with Victim(classifier, access="scores") as victim:
        probability = victim.logits(picked.pixels(plan.device)).softmax(1)
    arrays = {"images": picked.images.numpy(), "probability": probability.cpu().numpy()}
    folder.write_arrays("predictions.safetensors", arrays)
    pictures = [
        {"rule": rule, "index": int(index), "label": int(label)}
        for (_, rule), index, label in zip(chosen, picked.index, picked.labels, strict=True)
    ]
    folder.write_json("predictions.json", {"pictures": pictures})


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

"""An evaluation put into its run folder: table, figures, costs, adversarial images, and pictures."""

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from assay.adversary.victim import Victim
from assay.chance import permutation
from assay.data import ImageSet
from assay.evaluate.belief import believed
from assay.evaluate.engines import Engine
from assay.evaluate.gallery import write_gallery, write_strip
from assay.evaluate.robust import Evaluation, Plan
from assay.evaluate.shards import evaluate, kept_for
from assay.evaluate.stopping import evaluate_until
from assay.models.black_box import access_of
from assay.models.classifier import Classifier
from assay.run_folder import OF_PRINT, SCHEMA, Folder, Run, fresh, safe_name
from assay.tally import tally

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
        write_gallery(folder, classifier, images, plan, evaluation, figures)
        write_strip(folder, classifier, images, plan, evaluation.table, figures)
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

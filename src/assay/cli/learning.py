"""What train and harden share: from a recipe to a run folder that can be taken up, and the one look at the test set."""

from pathlib import Path
from typing import Any

from assay.cli.options import device_of, environment, load_images, load_run, note, plan_of
from assay.run_folder import SCHEMA, Run, create, open_run
from assay.train.recipes import Recipe, recorded


def start(
    path: Path, recipe: Recipe, *, device: str, force: bool, resume: bool, parent: Path | None = None
) -> tuple[Run, list[dict[str, Any]]]:
    """Train into a run folder. `parent` is a run whose weights are the start, as `harden` wants it.

    Everything that can be wrong with the request is found before the folder is touched.
    """
    from assay import spec
    from assay.adversary.threat import read_threat
    from assay.adversary.victim import fast_precision
    from assay.attacks import ATTACKS
    from assay.data import load
    from assay.models.classifier import build
    from assay.train.loop import Training

    where = device_of(device)
    if resume:
        recipe, parent = _recorded(path, recipe, parent)
    images, validation = load(recipe.data, "train", recipe.images), load(recipe.data, "validation")
    adversary = None
    if recipe.attack:
        assert recipe.threat
        adversary = (spec.read(recipe.attack, ATTACKS, "attack"), read_threat(recipe.threat).fits(images.shape))
    if parent:
        base, classifier = load_run(parent)
        load_images(base, recipe.data, "validation", None)  # its classes fit
    else:
        mean, spread = images.mean_and_spread()
        inside = {"shape": images.shape, "classes": images.classes, "mean": mean, "std": spread}
        classifier = build({"architecture": recipe.model, **inside}, recipe.seed)
    precision = fast_precision(where)
    training = Training(classifier, recipe, images, validation, device=where, precision=precision, adversary=adversary)
    run = open_run(path) if resume else create(path, force)
    if resume and run.has("checkpoint.pt"):
        training.resume(run.path / "checkpoint.pt")
        note(f"taken up after epoch {training.epoch} of {recipe.epochs}")
    about = {"schema": SCHEMA, "recipe": recipe.describe(), "data": recipe.data, "parent": parent and str(parent)}
    run.write_json("config.json", about | {"fingerprint": images.fingerprint, "precision": precision})
    run.write_json("env.json", environment(recipe.seed))
    history = training.run(run.path / "checkpoint.pt", lambda lines: run.write_lines("metrics.jsonl", lines))
    run.write_lines("metrics.jsonl", history)
    weights = {name: tensor.cpu().contiguous().numpy() for name, tensor in classifier.net.state_dict().items()}
    run.write_model(classifier.describe(), weights)
    return run, history


def test(run: Run, device: str) -> dict[str, Any]:
    """Clean accuracy on the whole test split, as an evaluation of its own in the run."""
    from assay.evaluate.record import evaluate_run

    _, classifier = load_run(run.path)
    plan = plan_of((), "linf(0)", None, "untargeted", 0, device)
    folder = evaluate_run(run, classifier, load_images(run, None, "test", None), plan, "clean", True, environment(0))
    clean: dict[str, Any] = folder.read_json("results.json")["clean"]
    return clean


def _recorded(path: Path, recipe: Recipe, parent: Path | None) -> tuple[Recipe, Path | None]:
    config = open_run(path).read_json("config.json")
    found = recorded(config.get("recipe") or {})
    if found != recipe:
        ours, theirs = recipe.describe(), found.describe()
        name = next(name for name in ours if ours[name] != theirs[name])
        raise ValueError(f"--resume: {path} was begun with {name} {theirs[name]}, got {ours[name]}")
    return found, Path(config["parent"]) if config.get("parent") else parent

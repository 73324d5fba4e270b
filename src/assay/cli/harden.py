"""assay harden."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import arg

from assay.cli.options import (
    Augment,
    Board,
    Compile,
    Device,
    EpsText,
    Force,
    Images,
    Json,
    Patience,
    RunPath,
    ThreatText,
    note,
    show,
)

if TYPE_CHECKING:
    from assay.evaluate.robust import Plan
    from assay.models.classifier import Classifier
    from assay.run_folder import Evaluation, Run
    from assay.train.recipe import Recipe

WARM_UP = 0.4  # of the steps
LOOKED_AT = 1000  # test images, where nobody says how many: the interval of a half is then 3 points to each side
KEPT = ("name", "model", "data", "epochs", "batch_size", "learning_rate", "images", "size", "skip_bad", "augment")
Statistics = Annotated[
    Literal["running", "batch"],
    arg(help="batch norm's statistics while images are attacked: counted so far, or theirs"),
]
METHOD_HELP = "an attack, made on each batch: pgd(steps=7); or fast, trades(beta=6), blend(steps=3), ibp"


def harden(
    run: RunPath,
    *,
    out: Annotated[Path, arg(metavar="RUN2", help="the run folder of the hardened model")],
    threat: ThreatText = "linf(0.3)",
    method: Annotated[str, arg(metavar="METHOD", help=METHOD_HELP)] = "pgd(steps=7)",
    epochs: Annotated[int, arg(metavar="N", help="how long")] = 5,
    learning_rate: Annotated[float, arg(metavar="X", help="the peak")] = 2e-3,
    augment: Augment = (),
    awp: Annotated[float, arg(metavar="X", help="move the weights by so much against the images, such as 0.005")] = 0.0,
    average: Annotated[float, arg(metavar="DECAY", help="keep a moving average of the weights, such as 0.99")] = 0.0,
    crafted_by: Statistics = "running",
    patience: Patience = None,
    compile: Compile = False,
    eps: EpsText = None,
    suite: Annotated[Literal["quick", "standard"], arg(help="which attacks compare the two")] = "standard",
    images: Annotated[Images, arg(help="how many test images to compare them on; 1 000, if there are so many")] = None,
    seed: Annotated[int, arg(metavar="N", help="order and noise")] = 0,
    resume: Annotated[bool, arg(help="take up a hardening that was stopped")] = False,
    tensorboard: Board = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a copy of a run against an attack, then compare the two on the same images."""
    from assay.cli import boards, learning
    from assay.cli.options import load_run
    from assay.cli.train import changes
    from assay.train.methods import read_method
    from assay.train.ranks import speaks

    _possible(run, out, resume and force)
    plan = _plan(suite, threat, eps, device)
    settings = {"attack": str(read_method(method, plan.threat)), "threat": str(plan.threat), "epochs": epochs}
    settings |= {"learning_rate": learning_rate, "seed": seed, "augment": changes(augment)}
    settings |= {"awp": awp, "average": average, "keep": "best", "warm_up": WARM_UP}
    settings |= {"crafted_by": crafted_by, "patience": patience, "compiled": compile or None}
    before, classifier = load_run(run)
    looked_at = _looked_at(before, classifier, plan, images) if speaks() else 0
    recipe = _recipe_of(before).changed(**settings)
    if resume:
        recipe = learning.begun(out, **recipe.describe())
    of = boards.needed() if tensorboard else None
    after, _, board = learning.start(out, recipe, device=device, force=force, resume=resume, parent=run, board_of=of)
    if speaks():
        learning.test(after, device, board)
        _compare(before, after, plan, suite, looked_at, json)
    return 0


def _possible(run: Path, out: Path, both: bool) -> None:
    """ValueError, before any work, for what harden does not do."""
    if both:
        raise ValueError("--resume goes on and --force begins again: take one of them")
    if out.resolve() == run.resolve():
        raise ValueError(f"--out {out} is the run itself: the hardened model needs another folder")


def _looked_at(before: "Run", classifier: "Classifier", plan: "Plan", images: int | None) -> int:
    """How many test images the two are compared on; ValueError where the plan is not possible on them."""
    from assay.cli.evaluating import possible
    from assay.cli.options import load_images

    found = load_images(before, None, "test", images)
    possible(plan, classifier, found)
    return images or min(LOOKED_AT, len(found))


def _plan(suite: str, threat: str, eps: str | None, device: str) -> "Plan":
    """What the two are compared by."""
    from assay.cli.options import plan_of
    from assay.evaluate.suites import SUITES

    plan = plan_of(SUITES[suite]["gradients"], threat, eps, "untargeted", 0, device)
    return replace(plan, checked=suite == "standard")


def _compare(before: "Run", after: "Run", plan: "Plan", suite: str, images: int, json: bool) -> None:
    """The two on the same test images; of the one that was there, what was done before is not done again."""
    from assay.cli.evaluating import carry_out, compared, compared_text

    note("comparing the two on the same test images")
    folder = carry_out(after.path, plan, suite, None, "test", images, force=True)
    if not _has_same(before.evaluation(folder.path.name), plan.describe()):
        carry_out(before.path, plan, suite, None, "test", images, force=True)
    result = compared(before, after, folder.path.name)
    show({"run": str(after.path), **result}, compared_text(result), json)


def _recipe_of(run: "Run") -> "Recipe":
    """The recipe of the run; of one that was imported, what is known and usual values."""
    from assay.train.recipe import Recipe, recorded

    config = run.read_json("config.json")
    if "imported" not in config:
        try:
            found = recorded(config.get("recipe"))
            return Recipe(**{key: getattr(found, key) for key in KEPT})
        except ValueError as error:
            raise ValueError(f"{run.path}: {error}") from error
    model = run.read_json("model.json")["architecture"]
    known = Recipe(name="imported", model=model, data=config["data"], epochs=1, batch_size=64, learning_rate=1e-3)
    return replace(known, skip_bad=bool(config.get("skip_bad")))


def _has_same(folder: "Evaluation", plan: dict[str, object]) -> bool:
    asked = {key: value for key, value in plan.items() if key != "shard"}  # which changes nothing
    return folder.has("config.json") and asked.items() <= folder.read_json("config.json").items()

"""assay harden."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import arg

from assay.cli.options import Board, Device, EpsText, Force, Images, Json, RunPath, ThreatText, note, show

if TYPE_CHECKING:
    from assay.run_folder import Evaluation, Run
    from assay.train.recipes import Recipe

WARM_UP = 0.4  # of the steps


def harden(
    run: RunPath,
    *,
    out: Annotated[Path, arg(metavar="RUN2", help="the run folder of the hardened model")],
    threat: ThreatText = "linf(0.3)",
    method: Annotated[str, arg(metavar="ATTACK", help="what each batch is attacked with")] = "pgd(steps=7)",
    epochs: Annotated[int, arg(metavar="N", help="how long")] = 5,
    learning_rate: Annotated[float, arg(metavar="X", help="the peak")] = 2e-3,
    eps: EpsText = None,
    images: Annotated[Images, arg(help="how many test images to compare the two models on")] = None,
    seed: Annotated[int, arg(metavar="N", help="order and noise")] = 0,
    resume: Annotated[bool, arg(help="take up a hardening that was stopped")] = False,
    tensorboard: Board = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a copy of a run against an attack, then compare the two on the same images."""
    from assay import spec
    from assay.attacks import ATTACKS
    from assay.cli import boards, learning
    from assay.cli.evaluating import carry_out, compared, compared_text, possible
    from assay.cli.options import load_images, load_run, plan_of
    from assay.evaluate.suites import SUITES

    if resume and force:
        raise ValueError("--resume goes on and --force begins again: take one of them")
    if out.resolve() == run.resolve():
        raise ValueError(f"--out {out} is the run itself: the hardened model needs another folder")
    plan = plan_of(SUITES["quick"]["gradients"], threat, eps, "untargeted", 0, device)
    call = spec.read(method, ATTACKS, "attack")
    before, classifier = load_run(run)
    possible(replace(plan, attacks=(*plan.attacks, call)), classifier, load_images(before, None, "test", images))
    settings = {"attack": str(call), "threat": str(plan.threat), "epochs": epochs, "learning_rate": learning_rate}
    recipe = _recipe_of(before).changed(**settings, seed=seed, warm_up=WARM_UP)
    if resume:
        recipe = learning.begun(out, **recipe.describe())
    of = boards.needed() if tensorboard else None
    after, _, board = learning.start(out, recipe, device=device, force=force, resume=resume, parent=run, board_of=of)
    learning.test(after, device, board)
    note("comparing the two on the same test images")
    folder = carry_out(out, plan, "quick", None, "test", images, force=True)
    if not _has_same(before.evaluation(folder.path.name), plan.describe()):
        carry_out(run, plan, "quick", None, "test", images, force=True)
    result = compared(before, after, folder.path.name)
    show({"run": str(out), **result}, compared_text(result), json)
    return 0


def _recipe_of(run: "Run") -> "Recipe":
    """The recipe of the run; of one that was imported, what is known and usual values."""
    from assay.train.recipes import Recipe, recorded

    config = run.read_json("config.json")
    if "imported" not in config:
        try:
            return replace(recorded(config.get("recipe")), weights=None, freeze=False)  # it begins from the run
        except ValueError as error:
            raise ValueError(f"{run.path}: {error}") from error
    model = run.read_json("model.json")["architecture"]
    known = Recipe(name="imported", model=model, data=config["data"], epochs=1, batch_size=64, learning_rate=1e-3)
    return replace(known, skip_bad=bool(config.get("skip_bad")))


def _has_same(folder: "Evaluation", plan: dict[str, object]) -> bool:
    return folder.has("config.json") and plan.items() <= folder.read_json("config.json").items()

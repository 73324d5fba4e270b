"""assay harden."""

from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from assay.cli.options import Device, EpsText, Force, Images, Json, RunPath, ThreatText, note, show


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
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a copy of a run against an attack, then compare the two on the same images."""
    from assay.cli import learning
    from assay.cli.evaluating import carry_out, compared, compared_text
    from assay.cli.options import load_run, plan_of
    from assay.evaluate.suites import SUITES
    from assay.run_folder import open_run
    from assay.train.recipes import recorded

    if out.resolve() == run.resolve():
        raise ValueError(f"--out {out} is the run itself: the hardened model needs another folder")
    plan = plan_of(SUITES["quick"], threat, eps, "untargeted", 0, device)
    before, _ = load_run(run)
    plain = recorded(before.read_json("config.json").get("recipe") or {})
    recipe = plain.changed(
        attack=method, threat=str(plan.threat), epochs=epochs, learning_rate=learning_rate, seed=seed, warm_up=0.4
    )
    learning.start(out, recipe, device=device, force=force, resume=resume, parent=run)
    after = open_run(out)
    learning.test(after, device)
    note("comparing the two on the same test images")
    folder = carry_out(out, plan, "quick", None, "test", images, force=True)
    if not _has_same(before.evaluation(folder.path.name).path, plan.describe()):
        carry_out(run, plan, "quick", None, "test", images, force=True)
    result = compared(before, after, folder.path.name)
    show({"run": str(out), **result}, compared_text(result), json)
    return 0


def _has_same(path: Path, plan: dict[str, object]) -> bool:
    from assay.run_folder import Folder

    folder = Folder(path)
    return folder.has("config.json") and plan.items() <= folder.read_json("config.json").items()

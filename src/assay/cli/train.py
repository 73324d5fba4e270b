"""assay train."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Device, Force, Images, Json, percent, show
from assay.train.recipes import RECIPES


def train(
    recipe: Annotated[Positional[str], arg(metavar="RECIPE", help=", ".join(RECIPES))],
    *,
    data: Annotated[str | None, arg(metavar="NAME", help="other images than the recipe's")] = None,
    epochs: Annotated[int | None, arg(metavar="N", help="other than the recipe's")] = None,
    batch_size: Annotated[int | None, arg(metavar="N", help="other than the recipe's")] = None,
    learning_rate: Annotated[float | None, arg(metavar="X", help="the peak, other than the recipe's")] = None,
    images: Images = None,
    seed: Annotated[int | None, arg(metavar="N", help="weights, order and noise")] = None,
    out: Annotated[Path | None, arg(metavar="RUN", help="the run folder; runs/RECIPE if not given")] = None,
    resume: Annotated[bool, arg(help="take up a training that was stopped")] = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a network by a recipe; the test images are touched once, at the end."""
    from assay.cli import learning
    from assay.train.recipes import recipe as named

    if resume and force:
        raise ValueError("--resume goes on and --force begins again: take one of them")
    settings = {"data": data, "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
    wanted = named(recipe).changed(**settings, images=images, seed=seed)
    path = out or Path("runs") / recipe
    if resume:
        wanted = learning.begun(path, name=recipe, **settings, images=images, seed=seed)
        if wanted.attack:
            raise ValueError(f"--resume: {path} was begun by assay harden, which takes it up")
    run, history = learning.start(path, wanted, device=device, force=force, resume=resume)
    clean = learning.test(run, device)
    last = history[-1]
    seconds = sum(line["seconds"] for line in history)
    text = (
        f"{path}: {wanted.model} on {wanted.data}, {len(history)} epochs in {seconds:.1f} s of training\n"
        f"  validation {last['validation_accuracy']:6.1%}\n  test       {percent(clean)}"
    )
    show({"run": str(path), "seconds": seconds, "validation": last, "test": clean}, text, json)
    return 0

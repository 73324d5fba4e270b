"""assay train."""

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from assay.cli.options import Augment, Device, Force, Images, Json, Size, SkipBad, show
from assay.train.recipes import RECIPES


def train(
    recipe: Annotated[Positional[str], arg(metavar="RECIPE", help=", ".join(RECIPES))],
    *,
    data: Annotated[str | None, arg(metavar="NAME", help="other images than the recipe's")] = None,
    epochs: Annotated[int | None, arg(metavar="N", help="other than the recipe's")] = None,
    batch_size: Annotated[int | None, arg(metavar="N", help="other than the recipe's")] = None,
    learning_rate: Annotated[float | None, arg(metavar="X", help="the peak, other than the recipe's")] = None,
    images: Images = None,
    size: Size = None,
    skip_bad: SkipBad = False,
    augment: Augment = (),
    seed: Annotated[int | None, arg(metavar="N", help="weights, order and noise")] = None,
    out: Annotated[Path | None, arg(metavar="RUN", help="the run folder; runs/RECIPE if not given")] = None,
    resume: Annotated[bool, arg(help="take up a training that was stopped")] = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a network by a recipe; the test images are touched once, at the end."""
    from assay.cli import learning
    from assay.data import settled
    from assay.train.ranks import speaks
    from assay.train.recipes import recipe as named

    if resume and force:
        raise ValueError("--resume goes on and --force begins again: take one of them")
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "images": images, "size": size}
    settings |= {"learning_rate": learning_rate, "data": data and settled(data), "skip_bad": skip_bad or None}
    settings |= {"augment": changes(augment), "seed": seed}
    wanted = named(recipe).changed(**settings)
    path = out or Path("runs") / recipe
    if resume:
        wanted = learning.begun(path, name=recipe, **settings)
        if wanted.attack:
            raise ValueError(f"--resume: {path} was begun by assay harden, which takes it up")
    run, history = learning.start(path, wanted, device=device, force=force, resume=resume)
    if not speaks():
        return 0
    results = learning.test(run, device)
    last, seconds = history[-1], sum(line["seconds"] for line in history)
    changed = f" ({', '.join(wanted.augment)})" if wanted.augment else ""
    text = (
        f"{path}: {wanted.model} on {wanted.data}{changed}, {len(history)} epochs in {seconds:.1f} s of training\n"
        f"  validation {last['validation_accuracy']:6.1%}\n{learning.tested(results)}"
    )
    shown = {"run": str(path), "seconds": seconds, "validation": last}
    show(shown | {"test": results["clean"], "top5": results["top5"]}, text, json)
    return 0


def changes(augment: tuple[str, ...]) -> list[str] | None:
    """What --augment asks for; None leaves it to the recipe."""
    if "none" in augment and len(augment) > 1:
        raise ValueError(f"--augment none stands alone, got {', '.join(augment)}")
    return [text for text in augment if text != "none"] if augment else None

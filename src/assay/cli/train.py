"""assay train."""

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from assay.cli.options import Augment, Board, Device, Force, Images, Json, Size, SkipBad, show
from assay.train.recipe import Recipe
from assay.train.recipes import RECIPES
from assay.train.recipes import recipe as named


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
    weights: Annotated[
        str | None, arg(metavar="FILE", help="what to begin from; also https://HOST/FILE#sha256=…, which is checked")
    ] = None,
    freeze: Annotated[bool, arg(help="let only the last layer learn, on top of --weights")] = False,
    out: Annotated[Path | None, arg(metavar="RUN", help="the run folder; runs/RECIPE if not given")] = None,
    resume: Annotated[bool, arg(help="take up a training that was stopped")] = False,
    tensorboard: Board = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train a network by a recipe; the test images are touched once, at the end."""
    from assay.cli import boards, learning
    from assay.data import settled
    from assay.train.ranks import speaks

    if resume and force:
        raise ValueError("--resume goes on and --force begins again: take one of them")
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "images": images, "size": size}
    settings |= {"learning_rate": learning_rate, "data": data and settled(data), "skip_bad": skip_bad or None}
    settings |= {"augment": changes(augment), "seed": seed, "freeze": freeze or None}
    path = out or Path("runs") / recipe
    wanted = _wanted(recipe, path, resume, settings, _settled(weights))
    of = boards.needed() if tensorboard else None
    run, history, board = learning.start(path, wanted, device=device, force=force, resume=resume, board_of=of)
    if not speaks():
        return 0
    results = learning.test(run, device, board)
    last, seconds = history[-1], sum(line["seconds"] for line in history)
    changed = f" ({', '.join(wanted.augment)})" if wanted.augment else ""
    text = (
        f"{path}: {wanted.model} on {wanted.data}{changed}, {len(history)} epochs in {seconds:.1f} s of training\n"
        f"  validation {last['validation_accuracy']:6.1%}\n{learning.tested(results)}"
    )
    shown = {"run": str(path), "seconds": seconds, "validation": last}
    show(shown | {"test": results["clean"], "top5": results["top5"]}, text, json)
    return 0


def _wanted(name: str, path: Path, resume: bool, settings: dict[str, Any], weights: str | None) -> Recipe:
    """The recipe with these settings; with --resume the one that the run was begun with, which must agree.

    The weights may then lie elsewhere: it is their hash that must be the same.
    """
    from assay.cli import learning
    from assay.run_folder import open_run

    wanted = named(name).changed(**settings)
    if resume:
        wanted = learning.begun(path, name=name, **settings)
        if open_run(path).read_json("config.json").get("parent"):
            raise ValueError(f"--resume: {path} was begun by assay harden, which takes it up")
    wanted = wanted.changed(weights=weights)
    if wanted.freeze and not wanted.weights:
        raise ValueError("--freeze lets only the last layer learn: it needs --weights FILE for what is below")
    return wanted


def _settled(weights: str | None) -> str | None:
    """The same file from wherever the recipe is read; an address stays one."""
    return weights if weights is None or "://" in weights else str(Path(weights).expanduser().resolve())


def changes(augment: tuple[str, ...]) -> list[str] | None:
    """What --augment asks for; None leaves it to the recipe."""
    if "none" in augment and len(augment) > 1:
        raise ValueError(f"--augment none stands alone, got {', '.join(augment)}")
    return [text for text in augment if text != "none"] if augment else None

"""assay train."""

from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, arg

from assay import user_code
from assay.cli.options import Augment, Board, Compile, Device, Force, Images, Json, Patience, Size, SkipBad, show
from assay.train.recipe import OWN, Recipe
from assay.train.recipes import RECIPES
from assay.train.recipes import recipe as named

MOST_SEEDS = 1000
Weights = Annotated[
    str | None, arg(metavar="FILE", help="what to begin from; also https://HOST/FILE#sha256=…, which is checked")
]


def train(
    recipe: Annotated[Positional[str], arg(metavar="RECIPE", help=", ".join(RECIPES))],
    *,
    data: Annotated[str | None, arg(metavar="NAME", help="other images than the recipe's")] = None,
    epochs: Annotated[int | None, arg(metavar="N", help="other than the recipe's")] = None,
    batch_size: Annotated[int | None, arg(metavar="N", help="other than the recipe's")] = None,
    learning_rate: Annotated[float | None, arg(metavar="X", help="the peak, other than the recipe's")] = None,
    model: Annotated[str | None, arg(metavar="NAME", help="another network, or yours: FILE.py:FUNCTION")] = None,
    images: Images = None,
    size: Size = None,
    skip_bad: SkipBad = False,
    augment: Augment = (),
    seed: Annotated[int | None, arg(metavar="N", help="weights, order and noise")] = None,
    seeds: Annotated[int, arg(metavar="N", help="train so many times, from as many seeds: RUN-0, RUN-1 …")] = 1,
    weights: Weights = None,
    freeze: Annotated[bool, arg(help="let only the last layer learn, on top of --weights")] = False,
    patience: Patience = None,
    compile: Compile = False,
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

    _possible(seeds, resume and force)
    settings: dict[str, Any] = {"epochs": epochs, "batch_size": batch_size, "images": images, "size": size}
    settings |= {"learning_rate": learning_rate, "data": data and settled(data), "skip_bad": skip_bad or None}
    settings |= {"model": model and user_code.settled(model), "augment": changes(augment), "freeze": freeze or None}
    settings |= {"patience": patience, "keep": "best" if patience else None, "compiled": compile or None, "seed": seed}
    path, board, found, texts = out or Path("runs") / recipe, boards.needed() if tensorboard else None, [], []
    for number in range(seeds):
        place = path if seeds == 1 else path.with_name(f"{path.name}-{number}")
        again = resume and (seeds == 1 or place.exists())  # of several, those that were not begun begin
        from_here = settings | {"seed": named(recipe).changed(seed=seed).seed + number if seeds > 1 else seed}
        wanted = _wanted(recipe, place, again, from_here, _settled(weights))
        run, history, drawn = learning.start(place, wanted, device=device, force=force, resume=again, board_of=board)
        if speaks():
            results = learning.test(run, device, drawn)
            texts.append(text_of(place, wanted, history, results))
            found.append(shown_of(place, wanted, history, results))
    if found:
        result = summed(found) if seeds > 1 else found[0]
        show(result, "\n".join([*texts, result_text(result)] if seeds > 1 else texts), json)
    return 0


def _possible(seeds: int, both: bool) -> None:
    """ValueError, before any work, for what train does not do."""
    from assay.train.ranks import several

    if both:
        raise ValueError("--resume goes on and --force begins again: take one of them")
    if not 1 <= seeds <= MOST_SEEDS:
        raise ValueError(f"--seeds must be between 1 and {MOST_SEEDS}, got {seeds}")
    if seeds > 1 and several() > 1:
        raise ValueError(
            "--seeds trains one after the other in one process: leave out torchrun, or train each by itself"
        )


def shown_of(path: Path, wanted: Recipe, history: list[dict[str, Any]], results: dict[str, Any]) -> dict[str, Any]:
    """What --json tells of a training; validation is the line of the epoch whose weights were kept."""
    from assay.tally import kept_epoch

    return {
        "run": str(path),
        "seconds": sum(line["seconds"] for line in history),
        "validation": history[kept_epoch(wanted.keep, history) - 1],
        "test": results["clean"],
        "top5": results["top5"],
    }


def text_of(path: Path, wanted: Recipe, history: list[dict[str, Any]], results: dict[str, Any]) -> str:
    """What is printed of a training."""
    from assay.cli.learning import tested
    from assay.tally import kept_epoch

    seconds, kept = sum(line["seconds"] for line in history), kept_epoch(wanted.keep, history)
    line, changed = history[kept - 1], f" ({', '.join(wanted.augment)})" if wanted.augment else ""
    of = f" (the weights of epoch {kept})" if kept < len(history) else ""
    told = [
        f"{path}: {wanted.model} on {wanted.data}{changed}, {len(history)} epochs in {seconds:.1f} s of training{of}",
        f"  validation {line['validation_accuracy']:6.1%}",
    ]
    if "validation_robust" in line:
        told.append(f"  attacked   {line['validation_robust']:6.1%}, by ten steps of PGD at {wanted.threat}")
    if "validation_certified" in line:
        told.append(f"  proven     {line['validation_certified']:6.1%}, by interval bounds at {wanted.threat}")
    return "\n".join([*told, tested(results)])


def summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean and spread over the seeds."""
    from statistics import mean, stdev

    shares, seconds = (
        [*values] for values in zip(*((one["test"]["share"], one["seconds"]) for one in runs), strict=True)
    )
    test = {"mean": mean(shares), "sd": stdev(shares), "n": len(runs)}
    return {"runs": runs, "test": test, "seconds": {"mean": mean(seconds), "sd": stdev(seconds)}}


def result_text(result: dict[str, Any]) -> str:
    """The same for people."""
    test, seconds = result["test"], result["seconds"]
    return (
        f"{test['n']} seeds: test {test['mean']:.2%} ± {100 * test['sd']:.2f} points (standard deviation), "
        f"{seconds['mean']:.1f} ± {seconds['sd']:.1f} s of training"
    )


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
    if wanted.data == OWN:
        raise ValueError(f"{name} is for images of your own: say where they are, --data {OWN}:PATH")
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

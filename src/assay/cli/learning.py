"""What train and harden share: from a recipe to a run folder that can be taken up, and the one look at the test set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assay.cli.options import device_of, environment, load_images, load_named, load_run, note, percent, plan_of
from assay.files import reason
from assay.run_folder import SCHEMA, Run, code_hash, create, file_hash, open_run
from assay.spec import checked
from assay.train.recipe import Recipe, recorded

if TYPE_CHECKING:
    from assay.adversary.threat import Threat
    from assay.adversary.victim import Precision
    from assay.data import ImageSet
    from assay.models.classifier import Classifier
    from assay.spec import Call
    from assay.train.loop import Training
    from assay.train.tensorboard import Board

PRECISION = Literal["float32", "bfloat16"]
FIRST = "weights to start from"
BEGUN_WITH = {
    "fingerprint": "images",
    "parent_weights": FIRST,
    "initial_weights": FIRST,
    "source": "code of the network",
}


def start(
    path: Path,
    recipe: Recipe,
    *,
    device: str,
    force: bool,
    resume: bool,
    parent: Path | None = None,
    board_of: "type[Board] | None" = None,
) -> "tuple[Run, list[dict[str, Any]], Board | None]":
    """Train into a run folder. `parent` is a run whose weights are the start, as `harden` wants it.

    Everything that can be wrong is found before the folder is touched. The board is still open. Of several processes
    that torchrun has started the first one writes.
    """
    from assay.adversary.victim import fast_precision
    from assay.train.loop import Training
    from assay.train.ranks import placed, ranks

    where = placed(device_of(device))
    with ranks(where) as joined:
        again = joined.restarted(where)
        with joined.first_ahead():
            begin = _begin(recipe, parent)
            resume = resume or (again and joined.first and _was_begun_by_this_job(path, begin.about))
        resume = bool(joined.told(resume, where))
        precision = _begun_in(path, begin.about) if resume else fast_precision(where)
        training = Training(
            *(begin.classifier, recipe, begin.splits["train"], begin.splits["validation"]),
            **{"device": where, "precision": precision, "adversary": begin.adversary, "ranks": joined},  # type: ignore[arg-type]
        )
        run = open_run(path) if resume else create(path, force) if joined.first else Run(path)
        joined.wait()
        if resume:
            _take_up(training, run)
        board = None
        if joined.first and not resume:
            run.write_json("config.json", begin.about | {"precision": precision, "processes": joined.size})
        if joined.first:
            _introduce(run, begin, resume)
        if joined.first and board_of:
            about = (recipe.describe(), begin.splits["train"], training.steps, training.history)
            board = board_of(run.path / "tb", begin.classifier, *about)
        return run, _learn(training, run, board), board


@dataclass(frozen=True)
class Beginning:
    """What there is before the first step; about is for config.json, told for whoever looks on."""

    recipe: Recipe
    splits: "dict[str, ImageSet]"
    known: dict[str, Any]
    classifier: "Classifier"
    adversary: "tuple[Call, Threat] | None"
    about: dict[str, Any]
    told: list[str]


def _begin(recipe: Recipe, parent: Path | None) -> Beginning:
    from assay.data.describe import describe
    from assay.train.ranks import job

    base, classifier = load_run(parent) if parent else (None, None)
    initial, told = None, list[str]()
    splits = _images(recipe, base)
    known, images = describe(splits), splits["train"]
    adversary = _adversary(recipe, images.shape)
    origin = base and base.read_json("model.json")["weights"]
    if classifier is None:
        classifier, initial, told = _new(recipe, known, images)
    about = {"schema": SCHEMA, "recipe": recipe.describe(), "data": recipe.data, "fingerprint": images.fingerprint}
    about |= {"skip_bad": recipe.skip_bad, "parent": parent and str(parent), "parent_weights": origin}
    about |= {"initial_weights": initial, "job": job()}
    about |= {"source": code} if (code := code_hash(classifier.architecture)) else {}
    return Beginning(recipe, splits, known, classifier, adversary, about, told)


def _was_begun_by_this_job(path: Path, about: dict[str, Any]) -> bool:
    """Whether a run is what these processes were at before torchrun started them anew."""
    if not (path / "config.json").exists():
        return False
    config = open_run(path).read_json("config.json")
    return all(config.get(key) == about[key] for key in about)


def _introduce(run: Run, begin: Beginning, resumed: bool) -> None:
    """What is there before the first step: where it is made, and of what."""
    for line in [] if resumed else begin.told:
        note(line)
    if not run.has("env.json"):
        run.write_json("env.json", environment(begin.recipe.seed))
    show_data(run, begin.splits, begin.known)


def _images(recipe: Recipe, base: Run | None) -> "dict[str, ImageSet]":
    """The splits; of a size that the model of `base` takes, if there is one."""
    from assay.data import SPLITS

    if base:
        splits = {split: load_images(base, recipe.data, split, None, recipe.skip_bad) for split in SPLITS}
    else:
        splits = {split: load_named(recipe.data, split, None, recipe.size, recipe.skip_bad) for split in SPLITS}
    if recipe.images is not None:
        splits["train"] = splits["train"].first(recipe.images)
    return splits


def _adversary(recipe: Recipe, shape: tuple[int, int, int]) -> "tuple[Call, Threat] | None":
    from assay.adversary.threat import read_threat
    from assay.train.methods import read_method

    if not (recipe.attack and recipe.threat):
        return None
    threat = read_threat(recipe.threat).fits(shape)
    return read_method(recipe.attack, threat), threat


def _learn(training: "Training", run: Run, board: "Board | None") -> list[dict[str, Any]]:
    """Go through the epochs; what each of them measured, and the model that is left, are in the run."""

    shown = len(training.history)

    def after_epoch(lines: list[dict[str, Any]], losses: Sequence[float]) -> None:
        nonlocal shown
        _tell(run, training, lines)
        if len(lines) <= shown:
            lost = training.undone[-1]
            note(f"epoch {lost['epoch']}: {lost['because']}; back to epoch {lost['back_to']}, on with {lost['then']}")
        elif why := lines[-1].get("alarm"):
            note(f"assay: epoch {lines[-1]['epoch']}: {why}; look at the run before you believe in it")
        if board and len(lines) > shown:
            board.epoch(lines[-1], losses)
        shown = len(lines)

    try:
        history = training.run(run.path / "checkpoint.pt", after_epoch)
    except BaseException:
        if board:
            board.close()
        raise
    if training.ranks.first:
        _tell(run, training, history)
        net = training.classifier.net
        weights = {name: tensor.cpu().contiguous().numpy() for name, tensor in net.state_dict().items()}
        run.write_model(training.classifier.describe(), weights)
    return history


def _tell(run: Run, training: "Training", lines: list[dict[str, Any]]) -> None:
    """Metrics, and what the sentinel took back."""
    run.write_lines("metrics.jsonl", lines)
    if training.undone:
        run.write_json("panels/sentinel.json", {"taken_back": training.undone})


def _new(recipe: Recipe, known: Mapping[str, Any], images: "ImageSet") -> "tuple[Classifier, str | None, list[str]]":
    """A classifier for these data, with the weights that the recipe begins from; their hash, and what to tell of it."""
    from assay.models import weights
    from assay.models.classifier import build
    from assay.train.provision import whiten

    inside = {key: known[key] for key in ("shape", "classes", "mean", "std")}
    classifier = build({"architecture": recipe.model, **inside}, recipe.seed)
    if ".py:" in recipe.model:
        _learns(classifier, images)
    if not recipe.weights:
        whiten(classifier, images)
        return classifier, None, []
    file = weights.fetch(recipe.weights)
    found = weights.read(file)
    try:
        told = [f"{file.name}: {weights.load_into(classifier.net, found)}"]
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    if recipe.freeze:
        told += [f"frozen: all but {', '.join(weights.freeze(classifier.net))}"]
    return classifier, file_hash(file), told


def _learns(classifier: "Classifier", images: "ImageSet") -> None:
    """ValueError in one line for a network of the user's that has nothing to learn, or not these images."""
    from assay.adversary.victim import MICRO_BATCH, Victim
    from assay.models.classifier import check

    if not any(parameter.requires_grad for parameter in classifier.net.parameters()):
        raise ValueError(f"{classifier.architecture} has nothing to learn: it must build an nn.Module with parameters")
    with Victim(classifier):
        check(classifier, images.rows(slice(MICRO_BATCH)).pixels(), len(images.classes), gradients=True)


def show_data(run: Run, splits: "dict[str, ImageSet]", known: dict[str, Any] | None = None) -> None:
    """What is known of the data, and a contact sheet of the first split, for the report."""
    from assay.data.describe import contact_sheet, describe, warnings

    run.write_arrays("panels/data.safetensors", {"sheet": contact_sheet(next(iter(splits.values()))).numpy()})
    if "train" in splits:  # so that every evaluation can say whether its images were among them
        run.write_arrays("panels/trained_on.safetensors", {"prints": splits["train"].prints.numpy()})
    known = known or describe(splits)
    run.write_json("panels/data.json", known)
    for line in warnings(known):
        note(f"assay: {line}")


def begun(path: Path, **given: Any) -> Recipe:
    """The recipe that a run was begun with, for --resume; ValueError if a setting that is given now is another."""
    try:
        found = recorded(open_run(path).read_json("config.json").get("recipe"))
    except ValueError as error:
        raise ValueError(f"--resume: {error}") from error
    for name, ours in given.items():
        if ours is not None and ours != getattr(found, name):
            raise ValueError(f"--resume: {path} was begun with {name} {getattr(found, name)}, got {ours}")
    return found


def _begun_in(path: Path, about: dict[str, Any]) -> "Precision":
    """The precision that a run was begun with; ValueError if what it was begun with has changed since."""
    config = open_run(path).read_json("config.json")
    for key, what in BEGUN_WITH.items():
        if config.get(key) != about.get(key):
            raise ValueError(f"--resume: {path} was begun with other {what}: {config.get(key)}, now {about.get(key)}")
    precision: Precision = checked(f"{path / 'config.json'}: precision", config.get("precision"), PRECISION)
    return precision


def _take_up(training: "Training", run: Run) -> None:
    """Go on after the last checkpoint, if there is one; all processes after the same one."""
    joined, checkpoint = training.ranks, run.path / "checkpoint.pt"
    if joined.first:
        run.sweep()
    if checkpoint.exists():
        try:
            training.resume(checkpoint)
        except (RuntimeError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"{checkpoint} does not fit: {reason(error)}; without it --resume begins again") from error
        note(f"taken up after epoch {training.epoch} of {training.recipe.epochs}")
    if (epoch := joined.told(training.epoch, training.device)) != training.epoch:
        raise ValueError(
            f"{checkpoint} is of epoch {training.epoch} here, {epoch} where the first process is: share it"
        )
    if (before := run.read_json("config.json").get("processes", joined.size)) != joined.size:
        note(f"begun by {before} processes, now {joined.size}: equal to an unbroken run but for rounding")


def test(run: Run, device: str, board: "Board | None") -> dict[str, Any]:
    """Clean accuracy on the whole test split, as an evaluation of its own in the run, and as a board's last entries."""
    from assay.cli.boards import conclude
    from assay.evaluate.record import evaluate_run

    _, classifier = load_run(run.path)
    plan = plan_of((), "linf(0)", None, "untargeted", 0, device)
    folder = evaluate_run(run, classifier, load_images(run, None, "test", None), plan, "clean", True, environment(0))
    if board:
        conclude(board, folder)
    results: dict[str, Any] = folder.read_json("results.json")
    return results


def tested(results: dict[str, Any]) -> str:
    """The accuracy on the test split, in words: top-1, and top-5 where there are more classes than that."""
    from assay.tally import TOP

    lines = [f"  test       {percent(results['clean'])}"]
    if len(results["per_class"]) > TOP:
        lines.append(f"  in top 5   {percent(results['top5'])}")
    return "\n".join(lines)

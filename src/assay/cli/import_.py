"""assay import."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Device, Force, Json, Size, SkipBad, device_of, environment, load_named, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from assay.data import ImageSet
    from assay.run_folder import Run


def import_(
    model: Annotated[Positional[str], arg(metavar="FILE.py:FUNCTION", help="your function; it returns an nn.Module")],
    *,
    weights: Annotated[Path, arg(metavar="FILE", help=".safetensors, or a torch file of tensors")],
    data: Annotated[str, arg(metavar="NAME", help="the data set it was trained for")],
    out: Annotated[Path, arg(metavar="RUN", help="the run folder to make")],
    mean: Annotated[
        tuple[float, ...], arg(metavar="X …", help="what the network's input is normalised by, a channel")
    ] = (),
    std: Annotated[tuple[float, ...], arg(metavar="X …", help="the same; 0 and 1 if it normalises by itself")] = (),
    size: Size = None,
    skip_bad: SkipBad = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Make a run of your own network and weights, and check it on the test images."""
    from assay.cli import learning
    from assay.models import MODELS
    from assay.models.weights import read
    from assay.spec import choices

    if ".py:" not in model and model.partition("(")[0] not in MODELS:
        there = choices(model, MODELS)
        raise ValueError(f"{model!r} is not of the form FILE.py:FUNCTION, and no architecture; {there}")
    images = load_named(data, "test", size=size, skip_bad=skip_bad)
    run = imported(model, images, data, out, read(weights), mean, std, skip_bad, device, force)
    results = learning.test(run, device, None)
    shown = {"run": str(out), "test": results["clean"], "top5": results["top5"]}
    show(shown, f"{out}: {model}\n{learning.tested(results)}", json)
    return 0


def imported(
    model: str,
    images: "ImageSet",
    data: str,
    out: Path,
    weights: "Mapping[str, Tensor] | None",
    mean: tuple[float, ...],
    std: tuple[float, ...],
    skip_bad: bool,
    device: str,
    force: bool,
) -> "Run":
    """A run folder with that network in it. Without weights it keeps those that it comes with."""
    from assay import user_code
    from assay.adversary.victim import MICRO_BATCH, Victim
    from assay.cli import learning
    from assay.data import settled
    from assay.models.black_box import BlackBox, access_of
    from assay.models.classifier import build, check, put
    from assay.models.weights import renamed
    from assay.run_folder import SCHEMA, code_hash, create

    where = device_of(device)
    architecture = user_code.settled(model)
    scale = {"mean": mean or (0.0,) * images.shape[0], "std": std or (1.0,) * images.shape[0]}
    about = {"architecture": architecture, "shape": images.shape, "classes": images.classes}
    classifier = build(about | scale)
    if weights is not None and isinstance(classifier.net, BlackBox):
        raise ValueError(f"{model} must build an nn.Module without an argument; a black box is for assay evaluate")
    if weights is not None:
        put(classifier.net, renamed(classifier.net, weights))
    with Victim(classifier.to(where)):
        check(classifier, images.rows(slice(MICRO_BATCH)).pixels(where), len(images.classes))
    tensors = {name: tensor.cpu().contiguous().numpy() for name, tensor in classifier.net.state_dict().items()}
    run = create(out, force)
    config = {"schema": SCHEMA, "imported": model, "data": settled(data), "skip_bad": skip_bad}
    config |= {"access": access_of(classifier.net)}
    config |= {"source": code} if (code := code_hash(architecture)) else {}
    run.write_json("config.json", config | {"fingerprint": images.fingerprint})
    run.write_json("env.json", environment(0))
    learning.show_data(run, {"test": images})
    run.write_model(classifier.describe(), tensors)
    return run

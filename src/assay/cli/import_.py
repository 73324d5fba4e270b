"""assay import."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Device, Force, Json, Size, SkipBad, device_of, environment, load_named, show


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
    from assay.adversary.victim import MICRO_BATCH, Victim
    from assay.cli import learning
    from assay.data import settled
    from assay.models import MODELS
    from assay.models.classifier import build, check, put
    from assay.models.yours import read_weights
    from assay.run_folder import SCHEMA, create
    from assay.spec import choices

    if ".py:" not in model and model.partition("(")[0] not in MODELS:
        there = choices(model, MODELS)
        raise ValueError(f"{model!r} is not of the form FILE.py:FUNCTION, and no architecture; {there}")
    where = device_of(device)
    images = load_named(data, "test", size=size, skip_bad=skip_bad)
    path, _, function = model.rpartition(":")
    architecture = f"{Path(path).resolve()}:{function}" if path.endswith(".py") else model
    scale = {"mean": mean or (0.0,) * images.shape[0], "std": std or (1.0,) * images.shape[0]}
    about = {"architecture": architecture, "shape": images.shape, "classes": images.classes}
    classifier = build(about | scale)
    put(classifier.net, read_weights(weights))
    with Victim(classifier.to(where)):
        check(classifier, images.rows(slice(MICRO_BATCH)).pixels(where), len(images.classes))
    tensors = {name: tensor.cpu().contiguous().numpy() for name, tensor in classifier.net.state_dict().items()}
    run = create(out, force)
    config = {"schema": SCHEMA, "imported": model, "data": settled(data), "skip_bad": skip_bad}
    run.write_json("config.json", config | {"fingerprint": images.fingerprint})
    run.write_json("env.json", environment(0))
    learning.show_data(run, {"test": images})
    run.write_model(classifier.describe(), tensors)
    results = learning.test(run, device)
    shown = {"run": str(out), "test": results["clean"], "top5": results["top5"]}
    show(shown, f"{out}: {model}\n{learning.tested(results)}", json)
    return 0

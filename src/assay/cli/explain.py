"""assay explain."""

from typing import Annotated, Any

from tyro.conf import arg

from assay.cli.options import Data, Device, Force, Json, RunPath, SkipBad, Specs, Split, show
from assay.spec import Folder

METHODS = Folder("assay.explain", helpers=("baselines", "layers", "walks"))  # as assay.explain says, which loads torch
HELP = 'a method, such as "occlusion(patch=10, stride=2)"; there are ' + ", ".join(
    f"{name} ({METHODS.about(name).partition(': ')[2].rstrip('.')})" for name in METHODS
)
NO_CHECKS = "do not check whether maps are true, which asks each method again of other images and of a changed model"
ATTACKED = "for activations: beside each image its attacked twin within this threat, such as linf(8/255)"
IMAGE = "which images, each by its number in the whole data set; six of all classes if not given"


def explain(
    run: RunPath,
    *,
    method: Annotated[Specs, arg(help=HELP)] = (),
    image: Annotated[tuple[int, ...], arg(metavar="N", help=IMAGE)] = (),
    attacked: Annotated[str | None, arg(metavar="THREAT", help=ATTACKED)] = None,
    data: Data = None,
    split: Split = "test",
    skip_bad: SkipBad = False,
    no_checks: Annotated[bool, arg(help=NO_CHECKS)] = False,
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Draw what the network looks at (saliency, grad_cam, …), and what is inside (filters, …); check the maps."""
    from assay.cli.explaining import explain_run

    if not method:
        raise ValueError("--method is missing: name one, such as --method saliency")
    folders = explain_run(run, method, image, data, split, device, force, skip_bad, not no_checks, attacked)
    words = {str(folder.path): folder.read_json("config.json")["words"] for folder in folders}
    quality = {str(folder.path): folder.read_json("quality.json") for folder in folders if folder.has("quality.json")}
    lines = {path: [*about, *(marked(quality[path]) if path in quality else ())] for path, about in words.items()}
    text = "\n".join(line for path, about in lines.items() for line in (path, *(f"  {line}" for line in about)))
    show({"explanations": list(words), "words": words, "quality": quality}, text, json)
    return 0


def marked(found: dict[str, Any]) -> list[str]:
    """The mark, and each reason for it in a line of its own."""
    of = f"{len(found['checks'])} checks on {found['n']} image{'s' if found['n'] != 1 else ''}"
    return [f"{found['mark']} ({of})", *(f"  {reason}" for reason in found["because"])]

"""assay explain."""

from typing import Annotated

from tyro.conf import arg

from assay.cli.options import Data, Device, Force, Json, RunPath, SkipBad, Specs, Split, show
from assay.spec import Folder

HELP = f'a method, such as "occlusion(patch=10, stride=2)"; there are {", ".join(Folder("assay.explain"))}'
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
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Draw what the network looks at (saliency, occlusion), and what is inside (filters, activations, class_image)."""
    from assay.cli.explaining import explain_run

    if not method:
        raise ValueError("--method is missing: name one, such as --method saliency")
    folders = explain_run(run, method, image, data, split, device, force, skip_bad, attacked)
    words = {str(folder.path): folder.read_json("config.json")["words"] for folder in folders}
    text = "\n".join(line for path, about in words.items() for line in (path, *(f"  {line}" for line in about)))
    show({"explanations": list(words), "words": words}, text, json)
    return 0

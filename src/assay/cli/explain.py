"""assay explain."""

from typing import Annotated

from tyro.conf import arg

from assay.cli.options import Data, Device, Force, Json, RunPath, Specs, Split, show
from assay.spec import Folder

HELP = f'a method, such as "occlusion(patch=10, stride=2)"; there are {", ".join(Folder("assay.explain"))}'


def explain(
    run: RunPath,
    *,
    method: Annotated[Specs, arg(help=HELP)] = (),
    image: Annotated[tuple[int, ...], arg(metavar="N", help="which images; six of all classes if not given")] = (),
    data: Data = None,
    split: Split = "test",
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Draw what the network looks at: saliency, occlusion."""
    from assay.cli.explaining import explain_run

    if not method:
        raise ValueError("--method is missing: name one, such as --method saliency")
    folders = explain_run(run, method, image, data, split, device, force)
    show({"explanations": [str(folder.path) for folder in folders]}, "\n".join(str(f.path) for f in folders), json)
    return 0

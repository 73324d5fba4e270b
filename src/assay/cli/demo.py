"""assay demo."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated

from tyro.conf import arg

from assay.cli.options import Device, Force, Json, device_of, note, show

METHODS = ("saliency", "occlusion(patch=3, stride=1)", "filters", "activations")
THREAT, EPSILONS = "linf(0.15)", "0,0.03,0.06,0.09,0.12"


def demo(
    *,
    out: Annotated[Path, arg(metavar="RUN", help="the folder for the two runs and the report")] = Path("assay-demo"),
    device: Device = "auto",
    force: Force = False,
    json: Json = False,
) -> int:
    """Train, look, attack, harden and report on the embedded digits, in a minute, offline."""
    from assay.cli.explaining import explain_run
    from assay.cli.harden import harden
    from assay.cli.report import report
    from assay.cli.train import train

    device_of(device)
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, a folder wanted")
    plain, hardened, page = out / "plain", out / "hardened", out / "report.html"
    if page.exists() and not force:
        raise ValueError(f"{page} exists: take another --out, or --force to replace it")
    with contextlib.redirect_stdout(sys.stderr) if json else contextlib.nullcontext():  # one document, the last
        note("1/4  train a small network on 1 257 handwritten digits")
        train("digits_cnn", out=plain, device=device, force=force)
        note("2/4  harden a copy of it, and attack both")
        harden(
            plain,
            out=hardened,
            threat=THREAT,
            eps=EPSILONS,
            epochs=20,
            learning_rate=4e-3,
            suite="quick",
            device=device,
            force=force,
        )
        note("3/4  look at what they look at")
        for run in (plain, hardened):
            explain_run(run, METHODS, (), None, "test", device, force)
        note("4/4  write the report")
        report((plain, hardened), out=page, force=force)
    show({"report": str(page), "runs": [str(plain), str(hardened)]}, f"\nthe report: {page.resolve()}", json)
    return 0

"""assay compare."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Json, RunPath, show


def compare(
    run: RunPath,
    other: Annotated[Positional[Path], arg(metavar="RUN", help="the run to set beside it")],
    *,
    json: Json = False,
) -> int:
    """Set two runs side by side on the same images, with a paired test."""
    from assay.cli.evaluating import compared, compared_text, shared
    from assay.run_folder import open_run

    before, after = open_run(run), open_run(other)
    results = [compared(before, after, name) for name in shared(before, after)]
    show({"comparisons": results}, "\n".join(compared_text(result) for result in results), json)
    return 0

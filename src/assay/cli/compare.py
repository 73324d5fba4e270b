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
    from assay.cli.corrupt import compared as corrupted
    from assay.cli.corrupt import compared_text as corrupted_text
    from assay.cli.evaluating import compared, compared_text, shared
    from assay.run_folder import open_run

    before, after = open_run(run), open_run(other)
    results = [compared(before, after, name) for name in shared(before, after)]
    corruptions = corrupted(before, after)
    text = [*map(compared_text, results), *map(corrupted_text, corruptions)]
    show({"comparisons": results, "corruptions": corruptions}, "\n".join(text), json)
    return 0

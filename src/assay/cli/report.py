"""assay report."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Force, Json, show


def report(
    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN", help="the runs, the plain one first")],
    *,
    out: Annotated[Path, arg(metavar="FILE", help="the page")] = Path("report.html"),
    force: Force = False,
    json: Json = False,
) -> int:
    """Write one self-contained HTML page about one or more runs."""
    from assay.files import whole
    from assay.report.page import page
    from assay.run_folder import open_run

    if not runs:
        raise ValueError("assay report needs at least one RUN")
    if out.suffix.lower() not in ("", ".html", ".htm"):
        raise ValueError(f"--out {out}: the page is a .html")
    if twice := [path for path in runs if [other.resolve() for other in runs].count(path.resolve()) > 1]:
        raise ValueError(f"{twice[0]} was given twice")
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder, a file wanted")
    if out.exists() and not force:
        raise ValueError(f"{out} exists: take another --out, or --force to replace it")
    html = page([open_run(path) for path in runs])
    with whole(out) as part:
        part.write_text(html, encoding="utf-8")
    size = len(html.encode())
    show({"report": str(out), "bytes": size}, f"{out} ({size / 1e3:.0f} kB)", json)
    return 0

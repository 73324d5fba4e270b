"""assay report."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from assay.cli.options import Force, Json, each_once, show

CARD = "also write a model card for the Hugging Face hub: README.md, of several runs README-NAME.md"


def report(
    runs: Annotated[Positional[tuple[Path, ...]], arg(metavar="RUN", help="the runs, the plain one first")],
    *,
    out: Annotated[Path, arg(metavar="FILE", help="the page; its figures go into a .json beside it")] = Path(
        "report.html"
    ),
    card: Annotated[bool, arg(help=CARD)] = False,
    force: Force = False,
    json: Json = False,
) -> int:
    """Write one self-contained HTML page about one or more runs, and beside it every figure as JSON."""
    import json as json_

    from assay.files import whole
    from assay.report.card import card as card_of
    from assay.report.numbers import numbers
    from assay.report.page import page_of
    from assay.report.seen import look
    from assay.run_folder import open_run

    _check(runs, out)
    seen = look([open_run(path) for path in runs])
    names = ["README.md"] if len(runs) == 1 else [f"README-{one.run.name}.md" for one in seen]
    cards = [out.with_name(name) for name in names] if card else []
    if twice := [str(path) for path in cards if cards.count(path) > 1]:
        raise ValueError(f"two runs of one name would both be told of in {twice[0]}: give one of them at a time")
    for path in (out, figures := out.with_suffix(".json"), *cards):
        if path.exists() and not force:
            raise ValueError(f"{path} exists: take another --out, or --force to replace it")
    html, counted = page_of(seen), json_.dumps(numbers(seen), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    texts = {out: html, figures: counted} | dict(zip(cards, map(card_of, seen), strict=False))
    for path, text in texts.items():
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    size = len(html.encode())
    shown = {"report": str(out), "bytes": size, "figures": str(figures), "cards": [str(path) for path in cards]}
    beside = "".join(f"\n{path}" for path in (figures, *cards))
    show(shown, f"{out} ({size / 1e3:.0f} kB){beside}", json)
    return 0


def _check(runs: tuple[Path, ...], out: Path) -> None:
    """ValueError, before any work, for a page that cannot be."""
    each_once(runs, "report")
    if out.suffix.lower() not in ("", ".html", ".htm"):
        raise ValueError(f"--out {out}: the page is a .html")
    if out.is_dir():
        raise ValueError(f"--out {out} is a folder, a file wanted")

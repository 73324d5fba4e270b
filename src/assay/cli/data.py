"""assay data."""

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from assay.cli.options import Force, Json, Size, SkipBad, load_named, show

WHERE = "where describe puts the contact sheet; runs/data/NAME.png if not given"


def data(
    what: Annotated[Positional[Literal["list", "describe", "get"]], arg(metavar="list|describe|get")],
    name: Annotated[Positional[str | None], arg(metavar="NAME", help="a data set")] = None,
    *,
    size: Size = None,
    skip_bad: SkipBad = False,
    out: Annotated[Path | None, arg(metavar="FILE.png", help=WHERE)] = None,
    force: Force = False,
    json: Json = False,
) -> int:
    """List the data sets, describe one and draw a contact sheet of it, or get its files."""
    from assay.data import DATA, SPLITS, spoken
    from assay.data.describe import contact_sheet, describe

    if what == "list":
        if name is not None:
            raise ValueError(f"data list takes no NAME, got {name!r}: is it assay data describe {name}?")
        about = {_typed(key): DATA.about(key) for key in DATA}
        show({"data": about}, "\n".join(f"{key:<14}{line}" for key, line in about.items()), json)
        return 0
    if name is None:
        raise ValueError(f"data {what} needs a NAME; there are {', '.join(map(spoken, DATA))}")
    if out and what == "get":
        raise ValueError("--out is for describe, which draws a contact sheet")
    if out and out.suffix.lower() != ".png":
        raise ValueError(f"--out {out}: the contact sheet is a .png")
    if out and out.exists() and not force:
        raise ValueError(f"{out} exists: take another --out, or --force to replace it")
    splits = {split: load_named(name, split, size=size, skip_bad=skip_bad) for split in SPLITS}
    result = {**describe(splits), "asked": name}
    if what == "describe":
        from assay.report.sheet import draw
        from assay.run_folder import safe_name

        kind, path, _ = name.partition(":")
        sheet = out or Path("runs/data") / f"{safe_name(*[kind] * bool(path), splits['train'].name)}.png"
        draw(contact_sheet(splits["train"]).numpy(), splits["train"].classes, sheet)
        result["contact_sheet"] = str(sheet)
    show(result, _text(name, result), json)
    return 0


def _typed(key: str) -> str:
    from assay.data import spoken, takes_path

    return f"{key}:PATH" if takes_path(key) else spoken(key)


def _text(name: str, about: dict[str, Any]) -> str:
    from assay.data.describe import warnings

    size = " × ".join(map(str, about["shape"]))
    mean, spread = (" ".join(f"{value:.4f}" for value in about[key]) for key in ("mean", "std"))
    lines = [
        f"{name}: {about['task']} of images",
        f"  input    {size} = {about['features']} features, mean {mean}, std {spread} of [0, 1]",
        f"  output   {len(about['classes'])} classes: {', '.join(about['classes'])}",
    ]
    for split, part in about["splits"].items():
        counts = part["per_class"]
        a_class = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else str(counts[0])
        lines.append(f"  {split:<11}{part['images']:>6} images, {a_class} a class  {part['fingerprint']}")
    lines += [f"  {line.partition(': ')[2]}" for line in warnings(about)]
    if "contact_sheet" in about:
        lines.append(f"  picture  {about['contact_sheet']}")
    return "\n".join(lines)

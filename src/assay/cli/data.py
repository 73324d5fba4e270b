"""assay data."""

from typing import Annotated, Literal

from tyro.conf import Positional, arg

from assay.cli.options import Json, show


def data(
    what: Annotated[Positional[Literal["list", "describe", "get"]], arg(metavar="list|describe|get")],
    name: Annotated[Positional[str | None], arg(metavar="NAME", help="a data set")] = None,
    *,
    json: Json = False,
) -> int:
    """List the data sets, describe one, or get its files."""
    from assay.data import DATA, SPLITS, load

    if what == "list" and name is not None:
        raise ValueError(f"data list takes no NAME, got {name!r}: is it assay data describe {name}?")
    if what == "list":
        about = {key: DATA.about(key) for key in DATA}
        show({"data": about}, "\n".join(f"{key:<10}{line}" for key, line in about.items()), json)
        return 0
    if name is None:
        raise ValueError(f"data {what} needs a NAME; there are {', '.join(DATA)}")
    splits = {split: load(name, split) for split in SPLITS}
    train = splits["train"]
    mean, spread = train.mean_and_spread()
    features = train.images[0].numel()
    result = {
        "name": name,
        "task": "supervised classification",
        "shape": list(train.shape),
        "features": features,
        "classes": list(train.classes),
        "mean": mean,
        "std": spread,
        "splits": {
            split: {
                "images": len(part),
                "fingerprint": part.fingerprint,
                "per_class": part.labels.bincount(minlength=len(part.classes)).tolist(),
            }
            for split, part in splits.items()
        },
    }
    size = " × ".join(map(str, train.shape))
    lines = [
        f"{name}: supervised classification of images",
        f"  input    {size} = {features} features, mean {_numbers(mean)}, std {_numbers(spread)} of [0, 1]",
        f"  output   {len(train.classes)} classes: {', '.join(train.classes)}",
    ]
    for split, part in splits.items():
        counts = part.labels.bincount(minlength=len(part.classes)).tolist()
        lines.append(f"  {split:<11}{len(part):>6} images, {min(counts)} to {max(counts)} a class  {part.fingerprint}")
    show(result, "\n".join(lines), json)
    return 0


def _numbers(values: list[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)

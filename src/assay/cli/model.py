"""assay model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from assay.cli.options import Json, grouped, load_images, load_run, show, show_names

if TYPE_CHECKING:
    from assay.models.classifier import Classifier

HELP = "a data set, for shape and classes; if not given, a run's own, else 3×32×32 (mnist…: 1×28×28) and 10 classes"
COLUMNS = ("layer", "type", "output", "parameters", "multiply-adds")


def model(
    what: Annotated[Positional[Literal["list", "describe"]], arg(metavar="list|describe")],
    name: Annotated[Positional[str | None], arg(metavar="NAME|RUN", help="an architecture, or a run")] = None,
    *,
    data: Annotated[str | None, arg(metavar="NAME", help=HELP)] = None,
    json: Json = False,
) -> int:
    """List the architectures, or describe one or a run's: layers, sizes, parameters, multiply-adds."""
    from assay.models import MODELS

    if what == "list" and name is not None:
        raise ValueError(f"model list takes no NAME, got {name!r}: is it assay model describe {name}?")
    if what == "list":
        show_names("models", {key: MODELS.about(key) for key in MODELS}, json)
        return 0
    if name is None:
        raise ValueError(f"model describe needs a NAME or a RUN; there are {', '.join(MODELS)}")
    result = describe(name, data)
    show(result, f"{name}: {_spoken(result)}", json)
    return 0


def describe(name: str, data: str | None) -> dict[str, Any]:
    """Layers, sizes, and what each kind of layer has of the whole."""
    from dataclasses import asdict

    import torch

    from assay.adversary.victim import frozen
    from assay.models.classifier import check
    from assay.models.layers import measure, shares

    classifier = _classifier(name, data)
    image = torch.zeros(1, *classifier.shape)
    with frozen(classifier):
        try:
            check(classifier, image, len(classifier.classes))
        except ValueError as error:
            if ".py:" in name and data is None:  # its shape was a guess
                raise ValueError(f"{error}; --data NAME gives another shape and number of classes") from error
            raise
        layers = measure(classifier.net, image)
    about = classifier.describe()
    return {
        **about,
        "outputs": sum(layer.outputs for layer in layers),
        "multiply_adds": sum(layer.multiply_adds for layer in layers),
        "other": about["parameters"] - sum(layer.parameters for layer in layers),
        "layers": [asdict(layer) for layer in layers],
        "shares": [asdict(share) for share in shares(layers, about["parameters"])],
    }


def _classifier(name: str, data: str | None) -> "Classifier":
    """A run's, or one of fresh weights, at the shape of the data; without data none are loaded."""
    from assay.data import load
    from assay.models.classifier import build

    if ".py:" not in name and (Path(name).exists() or Path(name).name != name):
        run, classifier = load_run(Path(name))
        if data is not None:
            load_images(run, data, "validation", None)  # ValueError where they do not fit
        return classifier
    shape, classes = (1, 28, 28) if name.startswith("mnist") else (3, 32, 32), tuple("0123456789")
    if data is not None:
        images = load(data, "validation")
        shape, classes = images.shape, images.classes
    about = {"architecture": name, "shape": shape, "classes": classes}
    return build({**about, "mean": [0.0] * shape[0], "std": [1.0] * shape[0]})


def _spoken(result: dict[str, Any]) -> str:
    """Two tables, layers and shares, and what their numbers do not say."""
    rows = [COLUMNS, *map(_row, result["layers"])]
    if result["other"]:
        rows.append(("other", "in no layer above", "", grouped(result["other"]), ""))
    rows.append(("total", "", "", grouped(result["parameters"]), grouped(result["multiply_adds"])))
    kinds = [("kind", "parameters", "", "outputs", "")] + [
        (
            share["kind"],
            *(grouped(share["parameters"]), _percent(share["of_parameters"])),
            *(grouped(share["outputs"]), _percent(share["of_outputs"])),
        )
        for share in result["shares"]
    ]
    left_out = any(layer["output"] == "not called" for layer in result["layers"])
    lines = [
        f"{result['architecture']}, {_size(result['shape'])} in, {len(result['classes'])} classes",
        *_table(rows, left=3),
        "  multiply-adds: of convolutions and linear layers only, for one image",
        *["  not called: not as a module; its weights may be used from outside, as attention does"] * left_out,
        "",
        *_table(kinds, left=1),
        "  outputs: the numbers that convolutions and linear layers return for one image (neurons)",
    ]
    conv = next((share for share in result["shares"] if share["kind"] == "convolution"), None)
    if conv and _percent(conv["of_parameters"]) != _percent(conv["of_outputs"]):
        lines.append(
            "  parameters are not neurons: counted as neurons, as in a known course script, "
            f"they would give convolutions {_percent(conv['of_parameters'])}, not {_percent(conv['of_outputs'])}"
        )
    return "\n".join(lines)


def _row(layer: dict[str, Any]) -> tuple[str, ...]:
    parameters = grouped(layer["parameters"])
    if layer["formula"]:
        parameters = f"{layer['formula']} = {parameters}" if layer["parameters"] else layer["formula"]
    work = grouped(layer["multiply_adds"]) if layer["multiply_adds"] else ""
    return layer["name"], layer["type"], _size(layer["output"]), parameters, work


def _table(rows: list[tuple[str, ...]], left: int) -> list[str]:
    """Columns as wide as what they hold, the first of them set to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    set_ = ["<" if number < left else ">" for number in range(len(widths))]
    spaced = [[f"{cell:{side}{width}}" for cell, side, width in zip(row, set_, widths, strict=True)] for row in rows]
    return ["  " + "  ".join(row).rstrip() for row in spaced]


def _size(output: Any) -> str:
    return output if isinstance(output, str) else " × ".join(map(str, output)) or "1"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"

"""assay model."""

from pathlib import Path
from typing import Annotated, Any, Literal

from tyro.conf import Positional, arg

from assay.cli.options import Data, Json, load_run, show


def model(
    what: Annotated[Positional[Literal["list", "describe"]], arg(metavar="list|describe")],
    name: Annotated[Positional[str | None], arg(metavar="NAME|RUN", help="an architecture, or a run")] = None,
    *,
    data: Data = None,
    json: Json = False,
) -> int:
    """List the architectures, or describe one or a run's: layers, sizes, parameters."""
    from assay.models import MODELS

    if what == "list" and name is not None:
        raise ValueError(f"model list takes no NAME, got {name!r}: is it assay model describe {name}?")
    if what == "list":
        about = {key: MODELS.about(key) for key in MODELS}
        show({"models": about}, "\n".join(f"{key:<12}{line}" for key, line in about.items()), json)
        return 0
    if name is None:
        raise ValueError(f"model describe needs a NAME or a RUN; there are {', '.join(MODELS)}")
    result = _describe(name, data)
    lines = [f"{name}: {result['architecture']}, {' × '.join(map(str, result['shape']))} in"]
    lines += [f"  {layer['layer']:<14}{layer['output']:<18}{layer['parameters']:>10}" for layer in result["layers"]]
    lines.append(f"  {'parameters':<32}{result['parameters']:>10}")
    show(result, "\n".join(lines), json)
    return 0


def _describe(name: str, data: str | None) -> dict[str, Any]:
    import torch

    from assay.adversary.victim import frozen
    from assay.data import load
    from assay.models.classifier import build, check

    if ".py:" not in name and (Path(name).exists() or Path(name).name != name):
        _, classifier = load_run(Path(name))
    else:
        images = load(data or "digits", "validation")
        about = {"architecture": name, "shape": images.shape, "classes": images.classes}
        classifier = build({**about, "mean": [0.0] * images.shape[0], "std": [1.0] * images.shape[0]})
    layers: list[dict[str, Any]] = []

    def record(layer: torch.nn.Module, _: Any, output: Any) -> None:
        own = sum(parameter.numel() for parameter in layer.parameters())
        size = " × ".join(map(str, output.shape[1:])) if isinstance(output, torch.Tensor) else type(output).__name__
        layers.append({"layer": type(layer).__name__, "output": size, "parameters": own})

    with frozen(classifier):
        check(classifier, torch.zeros(1, *classifier.shape), len(classifier.classes))
    leaves = [layer for layer in classifier.net.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(record) for layer in leaves]
    try:
        with frozen(classifier), torch.no_grad():
            classifier(torch.zeros(1, *classifier.shape))
    finally:
        for hook in hooks:
            hook.remove()
    return {**classifier.describe(), "layers": layers}

"""assay: what an image classifier is really made of. Names load when they are first used."""

import importlib
from typing import Any

__version__ = "0.1.0"
_HOMES = {
    "Classifier": "models.classifier",
    "Draws": "chance",
    "ImageSet": "data",
    "Plan": "evaluate.robust",
    "Search": "adversary.search",
    "Victim": "adversary.victim",
    "judge": "evaluate.judge",
    "l2": "adversary.threat",
    "linf": "adversary.threat",
    "load": "data",
    "open_run": "run_folder",
    "targeted": "adversary.goal",
    "untargeted": "adversary.goal",
}
_MODULES = ("lessons", "plot")  # that are names themselves
__all__ = sorted([*_HOMES, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"assay.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(importlib.import_module(f"assay.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__

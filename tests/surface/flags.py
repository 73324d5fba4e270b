"""What a user of assay can name: the public names, and each verb's words. `python -m tests.surface.flags` renews it."""

import inspect
import typing
from collections.abc import Callable
from pathlib import Path

import assay
from assay.cli import VERBS, function_of
from assay.cli.lesson import LESSONS

SNAPSHOT = Path(__file__).with_name("surface.txt")
RENEW = ".venv/bin/python -m tests.surface.flags"


def flags(function: Callable[..., int]) -> list[str]:
    """`--epochs` for the keyword-only `epochs`."""
    parameters = inspect.signature(function).parameters.values()
    return ["--" + part.name.replace("_", "-") for part in parameters if part.kind is part.KEYWORD_ONLY]


def surface() -> str:
    """Everything, a line each: a change is a line in a diff."""
    lines = ["from assay import", *(f"    {name}" for name in assay.__all__)]
    for verb in VERBS:
        lines += ["", f"assay {verb}", *(f"    {line}" for line in _words(function_of(verb)))]
    for name in LESSONS:
        lines += ["", f"assay lesson {name}", *(f"    {line}" for line in _words(function_of("lesson", [name])))]
    return "\n".join(lines) + "\n"


def _words(function: Callable[..., int]) -> list[str]:
    hints = typing.get_type_hints(function)
    lines = []
    for part in inspect.signature(function).parameters.values():
        named = part.kind is part.KEYWORD_ONLY
        name = "--" + part.name.replace("_", "-") if named else part.name.upper()
        default = "" if part.default is part.empty else f" = {part.default}"
        lines.append(f"{name}: {_spelled(hints[part.name])}{default}")
    return lines


def _spelled(hint: typing.Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")


if __name__ == "__main__":
    SNAPSHOT.write_text(surface(), encoding="utf-8")

"""The command line: one file for each verb. Nothing here imports torch before a verb has been given its arguments.

Results go to stdout, progress and mistakes to stderr. Exit 0 done, 1 a finding, 2 a mistake, in one line.
"""

import contextlib
import importlib
import io
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence

import tyro

from assay.cli.options import INVOKED
from assay.spec import choices

VERBS = ("demo", "data", "model", "train", "import", "attack", "evaluate", "compare", "explain", "harden", "report")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    INVOKED.set(shlex.join(["assay", *arguments]))
    verb = arguments.pop(0)
    try:
        if verb == "--version":
            print(importlib.import_module("importlib.metadata").version("assay"))
            return 0
        if verb not in VERBS:
            raise ValueError(f"unknown verb {verb!r}; {choices(verb, VERBS)}")
        return _call(verb, arguments)
    except BrokenPipeError:  # `assay … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(f"assay: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("assay: stopped; what was finished is kept, and --resume takes up a training", file=sys.stderr)
        return 130


def function_of(verb: str) -> Callable[..., int]:
    """The function behind a verb."""
    name = "import_" if verb == "import" else verb
    function: Callable[..., int] = getattr(importlib.import_module(f"assay.cli.{name}"), name)
    return function


def _call(verb: str, arguments: list[str]) -> int:
    messages = io.StringIO()
    parsed: list[object] = []
    config = (tyro.conf.FlagCreatePairsOff,)
    function = function_of(verb)
    try:
        with contextlib.redirect_stderr(messages):
            parsed.append(tyro.cli(_deferred(function), prog=f"assay {verb}", args=arguments, config=config))
    except SystemExit as end:
        if end.code:
            raise ValueError(_from_box(messages.getvalue(), verb)) from None
        return 0
    return parsed[0]()  # type: ignore[operator]


def _deferred(function: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    """The same signature, but the call waits: what a verb prints to stderr must not be caught with tyro's boxes."""

    def later(*args: object, **kwargs: object) -> Callable[[], int]:
        return lambda: function(*args, **kwargs)

    later.__wrapped__ = function  # type: ignore[attr-defined]
    later.__doc__, later.__annotations__ = function.__doc__, function.__annotations__
    return later


def _from_box(box: str, verb: str) -> str:
    """Tyro's box as one line: what, got, allowed."""
    lines = [line.strip("│ ").strip() for line in box.splitlines() if not line.startswith(("╭", "╰"))]
    text = " ".join(line for line in lines if line)
    if found := re.search(r"Error parsing (\S+): .*?from \['(.*?)'\]", text):
        wanted = re.search(r"no type matching (\S+)", text)
        kind = wanted.group(1).replace("{None}|", "") if wanted else "another value"
        return f"{found.group(1)} takes {kind}, got {found.group(2)!r}; see assay {verb} --help"
    parts = re.split("─{5}", text)
    near = re.search(r"Perhaps you meant: (\S+)", text)
    line = parts[0].strip().replace(", ", " ")
    return f"{line}{f'; did you mean {near.group(1)}?' if near else ''}; see assay {verb} --help"


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}{f': {error.filename}' if error.filename else ''}"
    return " ".join(str(error).split())


def _overview() -> str:
    lines = [f"  {verb:<10}{(function_of(verb).__doc__ or '').splitlines()[0]}" for verb in VERBS]
    head = "usage: assay VERB …        assay VERB --help tells more\n\nWhat an image classifier is really made of.\n"
    return "\n".join([head, *lines])

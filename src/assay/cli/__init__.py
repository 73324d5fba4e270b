"""The command line: one file for each verb. Nothing here imports torch before a verb has been given its arguments.

Results go to stdout, progress and mistakes to stderr. Exit 0 done, 1 a finding, 2 a mistake, in one line.
"""

import importlib
import io
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from assay import memory
from assay.cli.options import INVOKED, note
from assay.cli.parsing import read_arguments
from assay.files import printable
from assay.spec import choices
from assay.user_code import blame

LONGEST_LINE = 1000
VERBS = (
    *("demo", "data", "model", "train", "import", "attack", "evaluate", "compare", "explain", "harden"),
    *("universal", "corrupt", "doctor", "verify", "report", "lesson", "lab"),
)
TOGETHER = ("train", "harden")  # what several processes of torchrun do as one
WORLD = "WORLD_SIZE"  # how many those are


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _open_streams()
    # torch's threads, loaded later, sleep while they wait: where they spin, a program beside this one makes small
    # batches seven times slower (benchmarks/log.md)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not sys.stderr.isatty():  # a log wants a sign of life, and not ten a second
        os.environ.setdefault("TQDM_MININTERVAL", "30")
    memory.kept()
    try:
        code = carried_out(arguments)
        sys.stdout.flush()  # a full disk or a reader that has gone is found here, and not when Python ends
        return code
    except BrokenPipeError:  # `assay … | head`
        return 141  # as the shell calls it
    except KeyboardInterrupt:
        note("assay: stopped; what was finished is kept, and --resume takes up a training")
        return 130
    except Exception as error:
        line = _one_line(error)
        _let_the_first_speak(isinstance(error, ConnectionError))
        if line is None:
            raise
        print(f"assay: {line}", file=sys.stderr)
        return 2
    finally:
        _let_go_of_stdout()


def _let_the_first_speak(lost: bool) -> None:
    """Of the processes of one training only the one that failed has something to say, of equal failures the first.

    As soon as one has ended torchrun ends the others, in their sleep.
    """
    if WORLD in os.environ:
        time.sleep(6 if lost else 3 * min(1, int(os.environ.get("RANK", "0"))))


def _open_streams() -> None:
    """Closed streams (`assay … >&-`) lead nowhere, and what a terminal has no sign for (×) is still printed."""
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_stdout() -> None:
    """What could not be written is dropped: Python would try it again when it ends, and say so in its own words."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def carried_out(arguments: list[str]) -> int:
    """A verb with its arguments; the exit code. ValueError, in one line, for a mistake."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_overview())
        return 0
    for place, word in enumerate(arguments):
        if not word or re.fullmatch("--[^=]+=", word):
            raise ValueError(f"argument {place + 1} {word!r} is empty: is it a shell variable that is not set?")
        if any("\ud800" <= character <= "\udfff" for character in word):  # no file that we write could hold it
            raise ValueError(f"argument {place + 1} {ascii(word)[:100]} is no UTF-8 text")
    if int(os.environ.get(WORLD, "1")) > 1 and arguments[0] not in TOGETHER:
        raise ValueError(f"torchrun is for assay {' and assay '.join(TOGETHER)}, got {arguments[0]}: start it alone")
    INVOKED.set(shlex.join(["assay", *arguments]))
    verb, *rest = arguments
    if verb == "--version":
        print(importlib.import_module("importlib.metadata").version("assay"))
        return 0
    if verb not in VERBS:
        raise ValueError(f"unknown verb {verb!r}; {choices(verb, VERBS)}")
    call = read_arguments(verb, function_of(verb, rest), rest)
    return call() if call else 0


def function_of(verb: str, words: Sequence[str] = ()) -> Callable[..., int]:
    """The function behind a verb; each lesson has its own."""
    if verb == "lesson" and words:
        of: Callable[[Sequence[str]], Callable[..., int]] = importlib.import_module("assay.cli.lesson").verb_of
        return of(words)
    name = "import_" if verb == "import" else verb
    function: Callable[..., int] = getattr(importlib.import_module(f"assay.cli.{name}"), name)
    return function


def _one_line(error: Exception) -> str | None:
    """What a person is told; None for a mistake of ours, which keeps its traceback."""
    full = isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error)
    if isinstance(error, OSError) and error.strerror:
        line = f"{error.strerror}{f': {printable(str(error.filename))}' if error.filename else ''}"
    elif isinstance(error, ValueError | OSError):
        line = str(error)
    elif full:
        line = "there is not enough memory: take fewer --images, or a smaller --batch-size"
    else:
        blamed = blame(error)
        if blamed is None:
            return None
        line = blamed
    line = printable(" ".join(line.split()))  # a file's name may hold what a terminal would obey
    return line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…"


def _overview() -> str:
    lines = [f"  {verb:<10}{(function_of(verb).__doc__ or '').splitlines()[0]}" for verb in VERBS]
    head = "usage: assay VERB …        assay VERB --help tells more\n\nWhat an image classifier is really made of.\n"
    return "\n".join([head, *lines])

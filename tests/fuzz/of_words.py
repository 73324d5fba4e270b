"""The readers of what is typed, as functions of bytes."""

import contextlib
import io
import os
from pathlib import Path

from assay.adversary.goal import read_goal
from assay.adversary.threat import read_threat
from assay.attacks import ATTACKS
from assay.cli import VERBS, function_of, main
from assay.spec import Count, number, parse, read
from tests.fuzz.pieces import Choices, allowed
from tests.surface.flags import flags


def paint(*, coats: Count = 1) -> int:
    return coats


KNOWN = {"paint": paint}


def specs(data: bytes, place: Path) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for reader in (
        parse,
        lambda text: read(text, KNOWN, "brush"),
        lambda text: read(text, ATTACKS, "attack"),
        read_goal,
        read_threat,
        lambda text: number(text, "eps"),
    ):
        with allowed():
            reader(text)  # type: ignore[operator]


CHEAP = [verb for verb in VERBS if verb not in ("demo", "train", "data")]
WORDS = sorted({flag for verb in VERBS for flag in flags(function_of(verb))} - {"--out", "--data"})
WORDS += [
    "run",
    "none",
    ".",
    "..",
    "-1",
    "1e400",
    "nan",
    "8/255",
    "list",
    "describe",
    "pgd(",
    "linf(0.1)",
    "toward(3)",
    "--",
]


def words(data: bytes, place: Path) -> None:
    """A command line: exit 0, 1 or 2, and one line where it is 2."""
    choices = Choices(data)
    typed = [choices.one([*CHEAP, "", "x"])]
    while choices.data and len(typed) < 7:
        own = choices.number(3) == 0
        typed.append(choices.take(choices.number(12)).decode("utf-8", "replace") if own else choices.one(WORDS))
    out, err = io.StringIO(), io.StringIO()
    here = Path.cwd()
    (place / "here").mkdir(exist_ok=True)
    os.chdir(place / "here")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(typed)
    finally:
        os.chdir(here)
    assert code in (0, 1, 2), typed
    if code == 2:
        assert err.getvalue().startswith("assay: "), (typed, err.getvalue())
        assert err.getvalue().count("\n") == 1, (typed, err.getvalue())
        assert err.getvalue().rstrip("\n").isprintable(), (typed, err.getvalue())
        assert out.getvalue() == "", typed

"""Do what a page asks for, as a reader would: in a process of its own, in which nothing checks types.

Where types are checked, as in all other tests, the same takes five times as long.
"""

import contextlib
import io
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch
from PIL import Image

import assay
from assay.cli import main, options
from assay.data import cifar, fashion_mnist, mnist
from tests.docs.pages import ROOT, Piece, missing, pieces


def prepare() -> None:
    """Once in each process: no window, no network, no warning that goes unseen, one thread."""
    mpl.use("agg")
    torch.set_num_threads(1)
    warnings.simplefilter("error")
    for source in (cifar, fashion_mnist, mnist):
        source.MIRRORS = ()
    sys.path.insert(0, "")  # where the reader stands


def play(page: Path, usually: str, when: tuple[str, ...], place: Path, data: bool) -> list[str]:
    """Do what the page asks for, in its order, and look for what it shows; the seconds of CPU that each piece took.

    AssertionError where it does something else. data: whether other images than the digits may be had.
    """
    os.chdir(place)
    options.HEARD.clear()
    known, names = set(sys.modules), {"__name__": "__main__"}
    folder = os.environ.pop("ASSAY_DATA", None) if not data else None
    took = []
    try:
        for piece in pieces(page, usually):
            if piece.runs in when:
                before = os.times()
                _hold(piece, *(_python(piece, names) if piece.python else _typed(piece.words)))
                took.append(f"{sum(os.times()[:4]) - sum(before[:4]):6.1f} {piece} {piece.text.splitlines()[0]}")
    finally:
        os.environ.update({"ASSAY_DATA": folder} if folder else {})
        for name in set(sys.modules) - known:
            if "." not in name and (place / f"{name}.py").exists():  # the next page has one of its own
                del sys.modules[name]
    return took


def _hold(piece: Piece, code: int, said: str) -> None:
    assert code == piece.code, f"{piece}: {piece.text} ended with {code}\n{said}"
    absent = missing(piece.shown, said)
    assert not absent, f"{piece}: nothing like {absent[0]!r} in\n{said}"


def _typed(words: list[str]) -> tuple[int, str]:
    """The exit code, and what was said on either side."""
    if words[0] != "assay":
        found = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        words = [str(ROOT / word) if word.startswith(("benchmarks/", "examples/")) else word for word in words]
        done = subprocess.run(words, capture_output=True, text=True, env=found, check=False)
        return done.returncode, done.stdout + done.stderr
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(words[1:])
    return code, said.getvalue()


def _python(piece: Piece, names: dict[str, Any]) -> tuple[int, str]:
    """A block that is a file is written, any other is run, after those before it."""
    if piece.file:
        Path(piece.file).write_text(piece.text, "utf-8")
        return 0, ""
    return 0, run_python(piece.text, str(piece), names)


def run_python(text: str, where: str, names: dict[str, Any]) -> str:
    """What it prints; the names stay."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(text, where, "exec"), names)
    return said.getvalue()


def pictures(place: Path) -> None:
    """A folder of somebody's own images, as far as digits go: threes and eights."""
    images = assay.load("digits", "train")
    for name, label in (("threes", 3), ("eights", 8)):
        chosen = images.images[images.labels == label]
        for split, some in (("test", chosen[:100]), ("train", chosen[100:])):
            (place / split / name).mkdir(parents=True)
            for number, image in enumerate(some):
                picture = Image.fromarray(image[0].numpy()).convert("RGB")
                picture.resize((32, 32)).save(place / split / name / f"{number}.png")

"""What the tests of mistakes share: assay called in this process, and a tiny run that is made once for all workers."""

import contextlib
import hashlib
import io
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock
from matplotlib.figure import Figure

from assay.cli import main
from assay.data import cifar, fashion_mnist, mnist

ATTACKED = "digits-test-12-574ca8-linf-0.1-untargeted-fgsm"
EXPLAINED = "digits-test-9821c0-first-occlusion-patch=8"


@dataclass(frozen=True)
class Said:
    """The exit code, and what came out on either side."""

    code: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say() -> Say:
    """`say("train", "digits_cnn")`: as typed at a prompt."""

    def run(*words: object) -> Said:
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([str(word) for word in words])
        return Said(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures, which do not depend on what was damaged, are not drawn: that takes most of a page's time."""
    monkeypatch.setattr(Figure, "savefig", lambda self, to, **_: to.write('<svg viewBox="0 0 1 1"></svg>'))


@pytest.fixture
def refuse(say: Say) -> Callable[..., str]:
    """The same for a mistake: exit 2, nothing on stdout, and on stderr one line, which is returned."""

    def run(*words: object) -> str:
        said = say(*words)
        assert said.code == 2, said
        assert said.out == ""
        assert said.err.startswith("assay: "), said.err
        assert said.err.count("\n") == 1, said.err
        return said.err.removeprefix("assay: ").strip()

    return run


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No data but the embedded digits, no network, an empty folder to stand in."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("ASSAY_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for source in (cifar, fashion_mnist, mnist):
        monkeypatch.setattr(source, "MIRRORS", ())
    return here


def of_all_workers(factory: pytest.TempPathFactory) -> Path:
    """A folder that the workers of this session share, and no other session."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with an evaluation and an explanation. To read only."""
    shared = of_all_workers(tmp_path_factory)
    path = shared / "finished"
    with FileLock(shared / "finished.lock"):
        if not path.exists():
            work = shared / "unfinished"
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                assert main(["train", "digits_cnn", "--epochs", "2", "--images", "256", "--out", str(work)]) == 0
                attack = ["--attack", "fgsm", "--threat", "linf(0.1)", "--images", "12"]
                assert main(["attack", str(work), *attack]) == 0
                assert main(["explain", str(work), "--method", "occlusion(patch=8)"]) == 0
            work.rename(path)
    return path


@pytest.fixture
def run(finished: Path, alone: Path) -> Path:
    """A copy of it that may be spoilt."""
    return shutil.copytree(finished, alone / "run")


def contents(folder: Path) -> dict[str, str]:
    """Each file of a folder and its hash: two of these are equal if nothing was touched."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

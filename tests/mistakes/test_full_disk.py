"""A disk that is full, or may not be written to: one line that names the file, and what was there stays."""

import contextlib
import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from assay.run_folder import Run
from tests.mistakes.saying import ATTACKED, Say, contents

Refuse = Callable[..., str]


@contextlib.contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The kernel itself stops what would write more, in the middle of the file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def parts(folder: Path) -> list[Path]:
    return list(folder.rglob("*.part"))


def test_no_file_is_half_written_when_the_kernel_stops_it(say: Say, run: Path) -> None:
    before = contents(run)
    train = ("train", "digits_cnn", "--epochs", "2", "--images", "256")
    with no_file_larger_than(200_000):
        said = say(*train, "--out", "new")
    assert (said.code, said.out) == (2, "")
    assert said.err.splitlines()[-1] == "assay: File too large: new/checkpoint.pt"
    assert sorted(entry.name for entry in Path("new").iterdir()) == ["config.json", "env.json", "panels"]
    assert say(*train, "--out", "new", "--resume").code == 0  # the disk has room again
    assert contents(Path("new"))["model.safetensors"] == before["model.safetensors"]


def full(*_: Any, **__: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("function", "words", "file"),
    [
        (
            "write_bytes",
            ("attack", "run", "--attack", "fgsm", "--images", "13"),
            "digits-test-13-0e3d50-linf-0.3-untargeted-fgsm",
        ),
        (
            "write_text",
            ("attack", "run", "--attack", "noise", "--images", "3"),
            "digits-test-3-7b01d7-linf-0.3-untargeted-noise",
        ),
        ("write_bytes", ("explain", "run", "--method", "occlusion(patch=7)"), "maps.safetensors"),
        ("write_bytes", ("train", "digits_cnn", "--epochs", "1", "--images", "9", "--out", "r"), "r/panels/data"),
        ("write_text", ("train", "digits_cnn", "--epochs", "1", "--images", "9", "--out", "r"), "r/config.json"),
        ("write_text", ("report", "run"), "report.html"),
    ],
)
def test_a_full_disk_is_named_and_leaves_no_half_files(
    say: Say, run: Path, monkeypatch: pytest.MonkeyPatch, function: str, words: tuple[str, ...], file: str
) -> None:
    before = contents(run)
    with monkeypatch.context() as patch:
        patch.setattr(Path, function, full)
        said = say(*words)
    assert said.code == 2
    line = said.err.splitlines()[-1]
    assert line.startswith("assay: No space left on device: ")
    assert file in line
    assert contents(run) == before
    assert not parts(Path())


def test_forced_over_an_evaluation_a_full_disk_leaves_the_old_one(
    say: Say, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(run)
    table = Run(run).evaluation(ATTACKED).read_table("images.parquet")
    words = ("attack", "run", "--attack", "fgsm", "--threat", "linf(0.1)", "--images", "12", "--force")
    with monkeypatch.context() as patch:
        patch.setattr("assay.run_folder.pq.write_table", full)
        assert say(*words).code == 2
    assert contents(run) == before
    assert Run(run).evaluation(ATTACKED).read_table("images.parquet").keys() == table.keys()


def test_a_folder_that_may_not_be_written_to_is_found_before_the_work(
    refuse: Refuse, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    before = contents(run)
    assert refuse("explain", "run", "--method", "saliency") == f"{run / 'explanations'} cannot be written to"
    assert refuse("attack", "run", "--attack", "fgsm") == f"{run / 'evaluations'} cannot be written to"
    assert contents(run) == before

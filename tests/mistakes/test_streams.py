"""Where the output goes: into a pipe that closes, to nowhere, to a full disk, to a terminal without umlauts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ASSAY = (sys.executable, "-m", "assay")


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A line of bash, in which $ASSAY is assay."""
    env = os.environ | {"ASSAY": " ".join(ASSAY), "PYTHONUNBUFFERED": ""} | environment
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=env, timeout=120)


def test_a_reader_that_goes_away_is_no_mistake(alone: Path) -> None:
    said = shell("set -o pipefail; $ASSAY --help | true")
    assert said.stderr == ""
    assert said.returncode in (0, 141)  # 141 if true was faster
    said = shell("$ASSAY train --help | head -1")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("usage: assay train")


@pytest.mark.parametrize(("words", "code"), [("--help", 0), ("train --help", 0), ("train", 2), ("trai", 2)])
def test_closed_streams(alone: Path, words: str, code: int) -> None:
    said = shell(f"$ASSAY {words} >&-")
    assert (said.returncode, said.stdout) == (code, "")
    assert len(said.stderr.splitlines()) == (code == 2)
    said = shell(f"$ASSAY {words} 2>&-")
    assert (said.returncode, said.stderr) == (code, "")
    assert bool(said.stdout) == (code == 0)  # a mistake does not take the other way
    assert shell(f"$ASSAY {words} >&- 2>&-").returncode == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has one")
@pytest.mark.parametrize("words", ["--help", "train --help"])
def test_a_disk_too_full_for_the_result(alone: Path, words: str) -> None:
    said = shell(f"$ASSAY {words} > /dev/full")
    assert (said.returncode, said.stderr) == (2, "assay: No space left on device\n")


def test_a_terminal_of_another_tongue(alone: Path) -> None:
    said = shell("$ASSAY trän×", PYTHONIOENCODING="ascii")
    assert (said.returncode, len(said.stderr.splitlines())) == (2, 1)
    assert said.stderr.startswith("assay: unknown verb 'tr\\xe4n\\xd7'")
    assert shell("$ASSAY --help", PYTHONIOENCODING="ascii").returncode == 0


def test_bytes_that_are_no_text(alone: Path) -> None:
    said = shell("$ASSAY train digits_cnn --out $'\\xff'")
    assert said.returncode == 2
    assert said.stderr == "assay: argument 4 '\\udcff' is no UTF-8 text\n"

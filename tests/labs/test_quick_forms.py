"""The quick form of every lab, in full: it ends, its page can be sent, and what it says is verified."""

import json
import os
from pathlib import Path

import pytest

from assay.cli.lab import NAMES
from tests.mistakes.saying import Say

pytestmark = pytest.mark.long
ROWS = {"by-hand": 12, "fgsm-on-cifar10": 5, "first-cnn": 6, "mnist-inside-out": 8, "own-conv-vit-hardening": 8}
PICTURES = Path(os.environ.get("ASSAY_DATA", "")) / "scenes128"


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_and_is_true(say: Say, tmp_path: Path, name: str) -> None:
    more = ["--data", f"folder:{PICTURES}"] if "vit" in name and PICTURES.is_dir() else []
    made = say("lab", name, "--quick", *more, "--out", tmp_path / "lab", "--json")
    assert made.code == 0, made.err[-500:]
    rows = json.loads(made.out)["rows"]
    assert len({row["row"] for row in rows}) >= ROWS[name]
    assert not [row for row in rows if row["said"] in ("better", "worse", "as theirs")]
    assert (tmp_path / "lab/report.html").stat().st_size < 2e6
    assert say("verify", tmp_path / "lab").code == 0

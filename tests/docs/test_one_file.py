"""What the pages on adding things say: one file, and it is there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import assay
from tests.docs.pages import ROOT, pieces


@pytest.mark.long
@pytest.mark.parametrize(
    ("page", "place", "commands"),
    [
        (
            "adding-a-model.md",
            "models/averaging.py",
            ["model list", "model describe averaging --data digits", "train digits_cnn --model averaging --epochs 1"],
        ),
        (
            "adding-a-data-set.md",
            "data/bars.py",
            ["data list", "data describe bars", "train mlp --data bars --epochs 1"],
        ),
        (
            "adding-an-explanation.md",
            "explain/gradient_times_input.py",
            ["explain --help", "train digits_cnn --epochs 3", "explain runs/digits_cnn --method gradient_times_input"],
        ),
    ],
)
def test_a_new_thing_is_one_new_file(page: str, place: str, commands: list[str], tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(Path(assay.__file__).parent, source / "assay", ignore=shutil.ignore_patterns("__pycache__"))
    code = next(piece.text for piece in pieces(ROOT / "docs" / page) if piece.python)
    (source / "assay" / place).write_text(code, "utf-8")
    said = ""
    for command in commands:
        words = [sys.executable, "-m", "assay", *command.split()]
        environment = os.environ | {"PYTHONPATH": str(source), "COLUMNS": "200"}
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said += done.stdout
    assert Path(place).stem in said
    if "explain" in place:
        assert "checks on 32 images" in said

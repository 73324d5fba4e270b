"""The law of imports is enforced: a copy of the tree that breaks it in three places is found out in all three."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLANTED = {
    "src/assay/tally/table.py": "import assay.cli.options",
    "src/assay/report/html.py": "import assay.models",
    "src/assay/spec.py": "import matplotlib",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the law is about."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, env=environment, timeout=120)


def test_a_planted_violation_is_found(tree: Path) -> None:
    for name, line in PLANTED.items():
        path = tree / name
        path.write_text(f"{line}\n{path.read_text('utf-8')}", encoding="utf-8")
    said = lint(tree)
    assert said.returncode == 1
    assert "Contracts: 0 kept, 3 broken." in said.stdout
    for found in ("assay.tally.table -> assay.cli", "assay.report.html", "assay.spec -> matplotlib"):
        assert found in said.stdout, found

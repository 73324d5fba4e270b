"""Ray: a real cluster of two nodes on loopback, one of which dies; and one that this process starts for itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[2]
LIMIT = 240  # seconds


def run(*command: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Away from the filters of warnings, and from the handlers of signals, of the tests."""
    settings = {**os.environ, "PYTHONPATH": str(HERE), **env}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=LIMIT, env=settings)


def test_a_node_is_killed_and_every_verdict_is_the_same() -> None:
    done = run("-m", "tests.evaluate.cluster")
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer == {"same": True, "shards": list(range(0, 50, 8)), "alive": 1, "told": "0"}


def test_the_command_starts_a_cluster_of_its_own_and_says_the_same(tmp_path: Path) -> None:
    train = run("-m", "assay", "train", "digits_cnn", "--epochs", "1", "--out", str(tmp_path / "run"))
    assert train.returncode == 0, train.stderr[-2000:]
    results = []
    for engine in (["--engine", "ray", "--workers", "2"], ["--workers", "1"]):
        options = ["--threat", "linf(0.1)", "--images", "60", "--json", "--force", *engine]
        done = run("-m", "assay", "evaluate", str(tmp_path / "run"), *options)
        assert done.returncode == 0, done.stderr[-2000:]
        found = json.loads(done.stdout)
        results.append({key: value for key, value in found.items() if key not in ("evaluation", "costs")})
    assert results[0] == results[1]


def test_a_cluster_that_is_not_there_is_named(tmp_path: Path) -> None:
    train = run("-m", "assay", "train", "digits_cnn", "--epochs", "1", "--out", str(tmp_path / "run"))
    assert train.returncode == 0
    done = run("-m", "assay", "evaluate", str(tmp_path / "run"), "--engine", "ray", RAY_ADDRESS="127.0.0.1:1")
    assert done.returncode == 2
    assert "--engine ray: no cluster at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr

"""Killed with SIGKILL in the middle of an evaluation, and started again: the same table, and no shard made twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from assay.cli import main
from assay.run_folder import open_run

pytestmark = pytest.mark.slow
PATIENCE = 120  # seconds


def test_killed_in_an_evaluation_and_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits_cnn", "--epochs", "1", "--out", "run"]) == 0
    command = ["evaluate", "run", "--threat", "linf(0.1)", "--suite", "quick", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", *command], start_new_session=True, stderr=subprocess.PIPE
    )
    until = time.monotonic() + PATIENCE
    while not (done := sorted(Path("run").glob("shards/*/*.json"))) and time.monotonic() < until:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert done
    before = {file: file.stat().st_mtime_ns for file in done}
    made = _watch(command)
    assert all(file not in made or made[file] == before[file] for file in before), "a finished shard was made again"
    (name,) = (name for name in open_run(Path("run")).names("evaluations") if "quick" in name)
    killed = open_run(Path("run")).evaluation(name)
    table, results = killed.read_table("images.parquet"), killed.read_json("results.json")
    assert main([*command[:-2], "--force"]) == 0
    whole = open_run(Path("run")).evaluation(name)
    assert json.dumps(whole.read_json("results.json")) == json.dumps(results)
    assert all(np.array_equal(table[column], values) for column, values in whole.read_table("images.parquet").items())


def _watch(command: list[str]) -> dict[Path, int]:
    """Run it to its end, and say when each shard was written that was seen on the way."""
    seen: dict[Path, int] = {}
    process = subprocess.Popen([sys.executable, "-m", "assay", *command], stdout=subprocess.DEVNULL)
    while process.poll() is None:
        for file in Path("run").glob("shards/*/*.json"):
            try:
                seen[file] = file.stat().st_mtime_ns
            except OSError:  # gone already
                continue
        time.sleep(0.01)
    assert process.returncode == 0
    return seen

"""The examples run, and show what they claim to show."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_iterated_attack_as_it_was_written_believes_too_much(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        return subprocess.run([sys.executable, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    run("-m", "assay", "train", "mlp", "--data", "digits", "--epochs", "30", "--out", "run")
    out = run(str(ROOT / "examples/iterated_fgsm_done_wrong.py"), "run", "200")
    believed = [float(share) for share in re.findall(r"its own count +([0-9.]+)% left", out)]
    judged = [float(share) for share in re.findall(r"which it used: ([0-9.]+)% left", out)]
    true = [float(share) for share in re.findall(r"iterated_fgsm\(steps=10\) +([0-9.]+)% left", out)]
    for count, held, (step, ten) in zip(believed, judged, zip(true[::2], true[1::2], strict=True), strict=True):
        assert count < step  # what it says of its "eps" is too low
        assert count < held  # some of what it counts as fooled is no image
        assert ten <= held + 0.5  # and at the eps that it used the true attack is at least as strong
    assert len(believed) == 2

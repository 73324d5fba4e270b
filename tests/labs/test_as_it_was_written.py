"""The course's iterated attack, as a lab runs it, shows what it is there to show."""

from pathlib import Path

import pytest

from assay.cli.labs.bench import Bench
from assay.cli.labs.record import HOME
from tests.mistakes.saying import Say

FILE = "as_it_was_written.py"
STEP, REACH = 0.02, 0.2


@pytest.mark.slow
def test_it_believes_too_much(say: Say, tmp_path: Path) -> None:
    def attack(name: str, eps: float, *more: object) -> None:
        words = ("attack", tmp_path / "net", "--attack", name, "--threat", f"linf({eps})", "--images", 200, *more)
        assert say(*words).code == 0

    assert say("train", "mlp", "--data", "digits", "--epochs", 20, "--out", tmp_path / "net").code == 0
    attack(f"{HOME / FILE}:with_its_step", STEP)
    attack(f"{HOME / FILE}:within_its_reach", REACH)
    attack("iterated_fgsm(steps=10)", REACH, "--eps", STEP)
    bench = Bench(tmp_path, quick=False)
    own = bench.own_count("net", f"{FILE}:with_its_step", STEP)
    held = bench.left("net", f"{FILE}:within_its_reach", REACH)
    step, reach = (bench.left("net", "iterated_fgsm(steps=10)", eps) for eps in (STEP, REACH))
    assert own["share"] < step["share"]  # what it says of its "eps" is too low
    assert own["share"] < held["share"]  # some of what it counts as fooled is no image
    assert reach["share"] <= held["share"]  # and at the eps that it used the true attack is at least as strong
    assert bench.left("net", f"{FILE}:with_its_step", STEP)["faults"] > 0  # beyond that eps, says the judge

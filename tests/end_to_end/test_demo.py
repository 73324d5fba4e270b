"""The main job on real input with one command: train, look, attack, harden, report."""

import json
from pathlib import Path

import pytest

from assay.cli import main
from tests.end_to_end.conftest import read

pytestmark = pytest.mark.slow
CLEAN = "evaluations/digits-test-360-a9198e-clean/results.json"
ATTACKED = "evaluations/digits-test-360-a9198e-linf-0.15-untargeted-quick/results.json"


def test_the_demo_learns_the_digits(demo: Path) -> None:
    assert read(demo / "plain" / CLEAN)["clean"]["share"] >= 0.96


def test_hardening_keeps_what_is_right_and_gains_what_was_fragile(demo: Path) -> None:
    plain, hardened = (read(demo / run / ATTACKED) for run in ("plain", "hardened"))
    assert hardened["clean"]["share"] >= 0.96
    assert hardened["robust"][-1]["low"] > plain["robust"][-1]["high"] + 0.2


def test_noise_does_little_where_attacks_do_much(demo: Path) -> None:
    lines = {line["attack"]: line for line in read(demo / "plain" / ATTACKED)["attacks"] if line["eps"] == 0.15}
    assert lines["noise"]["share"] > 0.9
    assert lines["cascade(effort='quick')"]["share"] <= lines["fgsm"]["share"] < 0.5


def test_eps_zero_is_clean_accuracy_exactly(demo: Path) -> None:
    results = read(demo / "plain" / ATTACKED)
    at_zero = [line for line in results["attacks"] if line["eps"] == 0]
    assert len(at_zero) == 3
    assert {line["count"] for line in at_zero} == {results["clean"]["count"]}


def test_compare_counts_the_same_images(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(demo / "plain"), str(demo / "hardened"), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["comparisons"]
    worst = result["robust"][-1]
    assert worst["gained"] - worst["lost"] == worst["after"]["count"] - worst["before"]["count"]
    assert worst["p"] < 1e-6


def test_the_run_tells_how_it_was_made(demo: Path) -> None:
    env = read(demo / "plain" / "env.json")
    assert env["command"].startswith("assay demo --out")
    assert {"torch", "processor", "cores", "date", "seed"} <= set(env)
    assert read(demo / "hardened" / "config.json")["recipe"]["attack"] == "pgd(steps=7)"


def test_the_attack_verb_adds_the_noise_control(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(demo / "plain")
    command = ["attack", run, "--attack", "fgsm", "--threat", "l2(0.5)", "--images", "40", "--json"]
    assert main(command) == 0
    results = json.loads(capsys.readouterr().out)
    assert [line["attack"] for line in results["attacks"]] == ["noise", "fgsm"]
    assert main(command) == 2  # it is there already
    assert "--force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0


def test_targeted_goals_count_hits_and_spare_their_own_class(demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(demo / "plain")
    command = ["attack", run, "--attack", "pgd", "--threat", "linf(0.3)", "--goal", "toward(3)", "--json"]
    assert main([*command, "--images", "60"]) == 0
    line = json.loads(capsys.readouterr().out)["attacks"][-1]
    assert line["attacked"] < line["n"]  # the threes are exempt
    assert line["broken"] > line["attacked"] / 2

"""Several seeds: a run each, mean and spread of what they reached, and those that are there are not made again."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mistakes.saying import Say, alone, refuse, say

__all__ = ["alone", "refuse", "say"]

FEW = ("train", "digits_cnn", "--epochs", "1", "--images", "200", "--out", "r")


def test_each_seed_is_a_run_and_all_are_summed(say: Say, alone: Path) -> None:
    said = say(*FEW, "--seeds", "3", "--seed", "5", "--json")
    assert said.code == 0
    found = json.loads(said.out)
    seeds = [json.loads((alone / f"r-{number}" / "config.json").read_text())["recipe"]["seed"] for number in range(3)]
    assert seeds == [5, 6, 7]
    shares = [run["test"]["share"] for run in found["runs"]]
    assert found["test"]["mean"] == pytest.approx(statistics.mean(shares))
    assert found["test"]["sd"] == pytest.approx(statistics.stdev(shares))
    assert len(set(shares)) > 1
    assert not (alone / "r").exists()


def test_what_is_there_is_taken_up(say: Say, refuse: Callable[..., str], alone: Path) -> None:
    assert say(*FEW, "--seeds", "2").code == 0
    weights = (alone / "r-1" / "model.safetensors").read_bytes()
    assert "exists: take another --out" in refuse(*FEW, "--seeds", "2")
    said = say(*FEW, "--seeds", "3", "--resume")
    assert said.code == 0
    assert "3 seeds: test" in said.out
    assert (alone / "r-1" / "model.safetensors").read_bytes() == weights


def test_no_seeds_are_refused(refuse: Callable[..., str]) -> None:
    assert refuse(*FEW, "--seeds", "0") == "--seeds must be between 1 and 1000, got 0"

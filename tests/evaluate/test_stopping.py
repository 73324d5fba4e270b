"""The stopping rule: how often its interval holds the truth, and what it costs."""

import numpy as np
import pytest
import torch

from assay import Plan, linf, load, spec
from assay.adversary.goal import read_goal
from assay.attacks import ATTACKS
from assay.evaluate.shards import evaluate
from assay.evaluate.stopping import FIRST_LOOK, enough, evaluate_until, looks, needed
from assay.models.classifier import build
from assay.tally import share

RUNS = 1000


def simulate(truth: float, half_width: float, chance: np.random.Generator, most: int = 10_000) -> tuple[bool, int]:
    """Whether the interval at the stop holds the truth, and the number of images."""
    hits = np.cumsum(chance.random(most) < truth)
    n = list(looks(most, half_width, lambda n: int(hits[n - 1])))[-1]
    found = share(np.arange(n) < hits[n - 1])
    return found["low"] <= truth <= found["high"], n


@pytest.mark.slow
@pytest.mark.parametrize("half_width", [0.02, 0.05])
@pytest.mark.parametrize("truth", [0.02, 0.1, 0.3, 0.5, 0.8, 0.95])
def test_the_interval_at_the_stop_holds_the_truth_as_often_as_it_says(truth: float, half_width: float) -> None:
    chance = np.random.default_rng(17)
    held = [simulate(truth, half_width, chance) for _ in range(RUNS)]
    coverage = np.mean([holds for holds, _ in held])
    assert coverage > 0.95 - 0.025, f"{coverage:.3f} in {RUNS} runs"  # 0.007 is the spread of the simulation itself
    assert np.median([n for _, n in held]) <= max(FIRST_LOOK, 1.5 * needed(truth, half_width))


def test_a_rule_that_looks_after_every_image_from_the_first_is_caught() -> None:
    chance, held = np.random.default_rng(3), []
    for _ in range(500):
        hits = np.cumsum(chance.random(2000) < 0.05)
        n = next((n for n in range(5, 2000) if hits[n - 1] == 0 or enough(n, int(hits[n - 1]), 0.05)), 2000)
        found = share(np.arange(n) < hits[n - 1])
        held.append(found["low"] <= 0.05 <= found["high"] and found["high"] - found["low"] <= 0.1)
    assert np.mean(held) < 0.9


def test_it_stops_where_it_is_narrow_enough_or_nothing_is_left() -> None:
    assert enough(2401, 1200, 0.02)
    assert not enough(2300, 1150, 0.02)
    assert list(looks(80, 0.01, lambda n: n // 2)) == [80]
    assert list(looks(10_000, 0.05, lambda n: n // 2))[-1] in range(380, 500)
    assert list(looks(10_000, 0.2, lambda n: n // 2)) == [FIRST_LOOK]


def test_the_images_are_drawn_and_none_is_attacked_twice() -> None:
    images = load("digits", "test")
    about = {"architecture": "mlp", "shape": images.shape, "classes": images.classes, "mean": [0.3], "std": [0.4]}
    model, asked = build(about).eval(), []
    attack = spec.read("fgsm", ATTACKS, "attack")
    plan = Plan([attack], linf(0.05), (0.05,), read_goal("untargeted"), 1, "float32", torch.device("cpu"))

    def run(some):
        asked.extend(some.index.tolist())
        return evaluate(model, some, plan)

    chosen, found = evaluate_until(images, plan, 0.04, run)
    assert len(set(asked)) == len(asked) == len(chosen)
    assert chosen.index.tolist() == found.table["index"].tolist() == sorted(asked)
    assert asked[:FIRST_LOOK] != list(range(FIRST_LOOK)), "the first are no sample"
    whole = evaluate(model, chosen, plan)
    assert all(np.array_equal(found.table[name], whole.table[name]) for name in whole.table)
    assert all(np.array_equal(found.proof[name], whole.proof[name]) for name in whole.proof)

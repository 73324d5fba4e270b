"""Calibration counted from small tables by hand, by a slow loop, by scikit-learn; and what holds for any table."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from assay.tally import (
    BINS,
    calibration,
    column,
    corrupted,
    kept,
    mean_of,
    paired_mean,
    reliability,
    share,
)

EDGES = np.linspace(0, 1, BINS + 1)


def of(sure: Any, right: Any) -> dict[str, Any]:
    """The calibration of a table in which class 1 is always said."""
    sure, right = np.asarray(sure, np.float32), np.asarray(right, bool)
    said = np.ones(len(sure), int)
    return calibration({"label": np.where(right, 1, 0), "clean_prediction": said, "clean_confidence": sure}, (), ())


def slow(sure: list[float], right: list[bool]) -> float:
    """Guo et al. 2017, equation 3: image by image, bin by bin."""
    total = 0.0
    for number in range(BINS):
        low, high = EDGES[number], EDGES[number + 1]
        inside = [i for i, p in enumerate(sure) if low < p <= high or (number == 0 and p == 0)]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            confidence = math.fsum(sure[i] for i in inside) / len(inside)
            total += len(inside) / len(sure) * abs(accuracy - confidence)
    return total


answers = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=60)


@given(answers)
@settings(deadline=None, max_examples=150)
def test_ece_is_that_of_a_slow_loop(pairs: list[tuple[float, bool]]) -> None:
    sure, right = zip(*pairs, strict=True)
    found = of(sure, right)
    assert found["equal_width"]["ece"] == pytest.approx(slow(list(sure), list(right)), abs=1e-9)
    for how in ("equal_width", "equal_mass"):
        one = found[how]
        assert 0 <= one["low"] <= one["ece"] + 1e-12 <= one["high"] + 1e-12
        assert sum(line["n"] for line in one["bins"]) == found["n"] == len(pairs)
        gap = abs(found["mean"]["all"] - np.mean(right))
        assert gap - 1e-9 <= one["ece"] <= 1 + 1e-9, "no bins can make it less than the gap of all"
        again = sum(line["n"] / len(pairs) * abs(line["share"] - line["confidence"]) for line in one["bins"])
        assert one["ece"] == pytest.approx(again, abs=1e-9)
    assert found["brier"] == pytest.approx(np.mean([(p - r) ** 2 for p, r in pairs]), abs=1e-9)


@given(answers)
@settings(deadline=None, max_examples=60)
def test_the_points_are_scikit_learns(pairs: list[tuple[float, bool]]) -> None:
    sure, right = (np.array(values) for values in zip(*pairs, strict=True))
    for how, strategy in (("equal_width", "uniform"), ("equal_mass", "quantile")):
        if how == "equal_mass" and len(np.unique(sure)) < len(sure):
            continue  # scikit-learn's quantiles of ties are not these
        share_of, mean = calibration_curve(right, sure, n_bins=BINS, strategy=strategy)
        bins = of(sure, right)[how]["bins"]
        assert [line["share"] for line in bins] == pytest.approx(share_of.tolist(), abs=1e-6)
        assert [line["confidence"] for line in bins] == pytest.approx(mean.tolist(), abs=1e-6)


def test_a_small_table_by_hand() -> None:
    found = of([0.95, 0.95, 0.95, 0.95, 0.5, 0.5], [1, 1, 1, 0, 1, 0])
    assert found["equal_width"]["ece"] == pytest.approx(4 / 6 * 0.2)
    assert [(line["n"], line["share"]) for line in found["equal_width"]["bins"]] == [(2, 0.5), (4, 0.75)]
    assert found["mean"]["right"] == pytest.approx((3 * 0.95 + 0.5) / 4)
    assert found["mean"]["wrong"] == pytest.approx((0.95 + 0.5) / 2)
    chance = math.sqrt(2 / math.pi) * (math.sqrt(4 * 0.95 * 0.05) + math.sqrt(2 * 0.25)) / 6
    assert found["equal_width"]["by_chance"] == pytest.approx(chance)


def test_sure_and_right_of_everything_is_calibrated_and_sure_and_wrong_is_as_bad_as_can_be() -> None:
    right, wrong = of(np.ones(30), np.ones(30)), of(np.ones(30), np.zeros(30))
    for how in ("equal_width", "equal_mass"):
        assert (right[how]["ece"], right[how]["by_chance"], wrong[how]["ece"]) == (0, 0, 1)
    assert (right["mean"]["wrong"], wrong["mean"]["right"]) == (None, None)


def test_the_order_of_images_does_not_matter_ties_or_not() -> None:
    rng = np.random.default_rng(0)
    sure, right = np.round(rng.random(300), 1), rng.random(300) < 0.5
    order = rng.permutation(300)
    for how in ("equal_width", "equal_mass"):
        one, other = of(sure, right)[how], of(sure[order], right[order])[how]
        assert one["ece"] == pytest.approx(other["ece"], abs=1e-12)
        assert [line["n"] for line in one["bins"]] == [line["n"] for line in other["bins"]]


@pytest.mark.parametrize("n", [100, 1000, 10000])
@pytest.mark.parametrize("how", ["equal_width", "equal_mass"])
def test_of_calibrated_models_ece_is_on_average_what_chance_makes_of_it(n: int, how: str) -> None:
    rng, found, said = np.random.default_rng(1), [], []
    for _ in range(60):
        sure = 0.2 + 0.8 * rng.beta(3, 1.5, n)
        one = of(sure, rng.random(n) < sure)[how]
        found.append(one["ece"])
        said.append(one["by_chance"])
    error = np.std(found) / math.sqrt(60)
    assert abs(np.mean(found) - np.mean(said)) < 4 * error + 0.05 * np.mean(said)


def test_the_interval_holds_what_it_says_where_the_model_is_badly_calibrated() -> None:
    """Right with confidence less 0.2: the true error is 0.2 in every bin; of 400 intervals about 95 % hold it."""
    rng, held = np.random.default_rng(2), 0
    for _ in range(400):
        sure = 0.4 + 0.6 * rng.random(1500)
        one = reliability(sure, rng.random(1500) < sure - 0.2, EDGES)
        held += one["low"] <= 0.2 <= one["high"]
    assert 0.92 <= held / 400 <= 0.98


def test_no_answer_and_strange_confidences_are_left_out() -> None:
    table = {"label": np.array([1, 1, 1, 1]), "clean_prediction": np.array([1, -1, 1, 1])}
    table["clean_confidence"] = np.array([0.75, 0, np.nan, 2.0])
    found = calibration(table, (), ())
    assert (found["n"], found["equal_width"]["ece"]) == (1, 0.25)
    table["clean_prediction"][:] = -1
    found = calibration(table, (), ())
    assert (found["n"], found["equal_mass"]["ece"], found["brier"]) == (0, None, None)


def test_surer_when_fooled() -> None:
    table = {"label": np.ones(4, int), "clean_prediction": np.array([1, 1, 1, 0])}
    table["clean_confidence"] = np.array([0.6, 0.8, 0.9, 0.7])
    table[column("a", 0.1, "verdict")] = np.array(["broken", "broken", "robust", "wrong"], object)
    table[column("a", 0.1, "confidence")] = np.array([0.9, 0.7, 0.9, 0.7])
    (line,) = calibration(table, ["a"], [0.1])["fooled"]
    assert (line["n"], line["surer"]) == (2, 1)
    assert (line["confidence"], line["before"]) == (pytest.approx(0.8), pytest.approx(0.7))
    table[column("a", 0.1, "verdict")][:2] = "robust"
    (line,) = calibration(table, ["a"], [0.1])["fooled"]
    assert (line["n"], line["confidence"], line["before"]) == (0, None, None)


def worn() -> dict[str, np.ndarray]:
    table = {"label": np.array([0, 1, 2, 0]), "clean_prediction": np.array([0, 1, 2, 1])}
    said = {
        ("blur", 1): [0, 1, 2, 0],
        ("blur", 2): [0, 1, 0, 1],
        ("noise", 1): [0, 1, 2, 1],
        ("noise", 2): [1, -1, 2, 1],
    }
    for pair, answer in said.items():
        table[column(*pair, "prediction")] = np.array(answer)
        table[column(*pair, "confidence")] = np.where(np.array(answer) < 0, 0, 0.5)
    return table


def test_corrupted_images_counted_by_hand() -> None:
    found = corrupted(worn(), ["blur", "noise"], [1, 2])
    counts = {(line["corruption"], line["strength"]): line["count"] for line in found["lines"]}
    assert counts == {("blur", 1): 4, ("blur", 2): 2, ("noise", 1): 3, ("noise", 2): 1}
    assert [(line["corruption"], line["share"]) for line in found["each"]] == [("blur", 0.75), ("noise", 0.5)]
    assert found["mean"]["share"] == 10 / 16
    assert found["clean"]["count"] == 3
    assert kept(worn(), ["blur", "noise"], [1, 2]).tolist() == [0.75, 0.75, 0.75, 0.25]
    assert found["lines"][0]["ece"] == pytest.approx(0.5)


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None, max_examples=60)
def test_of_yes_and_no_the_interval_of_a_mean_is_wilsons(pair: tuple[int, int]) -> None:
    hits = np.arange(pair[1]) < pair[0]
    found, wanted = mean_of(hits.astype(float)), share(hits)
    assert found == {key: pytest.approx(wanted[key], abs=1e-9) for key in found}


def test_the_paired_difference_of_the_same_is_nothing_and_of_opposites_all() -> None:
    one = np.array([0.0, 0.5, 1.0, 0.5])
    assert paired_mean(one, one)["gained"] == paired_mean(one, one)["high"] == 0
    found = paired_mean(one, one + 0.1)
    assert (found["gained"], found["low"]) == (pytest.approx(0.1), pytest.approx(0.1))
    differences = np.array([0.1, -0.1, 0.3, 0.1])
    error = 1.959963984540054 * differences.std() / 2
    assert paired_mean(one, one + differences)["high"] == pytest.approx(0.1 + error)

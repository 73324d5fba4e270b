"""Every figure from small tables whose answers are counted by hand, and what holds for any table."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.tally import brackets, column, first_breaker, paired, share, stands, tally

EPSILONS = [0.0, 0.1, 0.3]
ATTACKS = ["fgsm", "pgd(steps=4)"]
CLASSES = 3


def table(verdicts: dict[tuple[str, float], list[str]], wrong: tuple[int, ...] = ()) -> dict[str, np.ndarray]:
    """A table of images of class 1, with the verdicts given; size is eps, and who is broken is taken for a 2."""
    n = len(next(iter(verdicts.values())))
    clean = np.where(np.isin(np.arange(n), wrong), 0, 1)
    found = {"index": np.arange(n), "label": np.ones(n, int), "clean_prediction": clean, "clean_confidence": np.ones(n)}
    found["clean_rank"] = 1 - clean
    for (attack, eps), words in verdicts.items():
        words = ["wrong" if row in wrong else word for row, word in enumerate(words)]
        found[column(attack, eps, "verdict")] = np.array(words, object)
        found[column(attack, eps, "prediction")] = np.where(np.array(words) == "broken", 2, clean)
        found[column(attack, eps, "confidence")] = np.ones(n)
        for measure in ("size", "l2", "linf", "ssim"):
            found[column(attack, eps, measure)] = np.full(n, eps)
    return found


R, B, F, X = "robust", "broken", "fault", "exempt"


def test_the_figures_of_a_small_table() -> None:
    found = table(
        {
            ("fgsm", 0.1): [R, R, B, R, F, X, R, R],
            ("fgsm", 0.3): [R, B, R, B, R, X, R, R],
            ("pgd(steps=4)", 0.1): [R, R, R, B, R, X, R, R],
            ("pgd(steps=4)", 0.3): [R, B, B, B, R, X, R, R],
        },
        wrong=(7,),
    )
    figures = tally(found, ATTACKS, [0.1, 0.3], CLASSES)
    assert (figures["clean"]["count"], figures["clean"]["n"]) == (7, 8)
    lines = {(line["attack"], line["eps"]): line for line in figures["attacks"]}
    counts = {key: (line["count"], line["attacked"], line["broken"], line["faults"]) for key, line in lines.items()}
    assert counts == {
        ("fgsm", 0.1): (5, 6, 1, 1),
        ("fgsm", 0.3): (5, 6, 2, 0),
        ("pgd(steps=4)", 0.1): (6, 6, 1, 0),
        ("pgd(steps=4)", 0.3): (4, 6, 3, 0),
    }
    # The worst case: 2, 3 and 4 are lost at 0.1, 1 at 0.3, and 2, which fgsm lost at 0.3, stays broken.
    assert [(line["eps"], line["count"]) for line in figures["robust"]] == [(0.1, 4), (0.3, 3)]
    assert figures["faults"] == 1
    assert stands(found, ATTACKS, [0.1, 0.3], 0.3).tolist() == [True, False, False, False, False, True, True, False]
    assert first_breaker(found, ATTACKS, [0.1, 0.3]).tolist() == ["", "fgsm", "fgsm", "pgd(steps=4)", "", "", "", ""]


def test_brackets_of_a_small_table() -> None:
    found = table({("a", 0.1): [R, R, B, F, X, R], ("a", 0.2): [R, B, R, R, X, R]}, wrong=(5,))
    low, high = brackets(found, ["a"], [0.2, 0.1])
    assert low.tolist() == [0.2, 0.1, 0, 0, 0.2, 0]
    assert high.tolist() == [np.inf, 0.2, 0.1, 0.1, np.inf, 0]
    assert tally(found, ["a"], [0.1, 0.2], CLASSES)["smallest_eps"] == {"median_low": 0.1, "median_high": 0.2}
    robust = table({("a", 0.1): [R, R, R, B]})
    assert tally(robust, ["a"], [0.1], CLASSES)["smallest_eps"] is None  # more than half outlive every eps
    assert tally(robust, [], [0.1], CLASSES)["smallest_eps"] is None


# Newcombe 1998, Statistics in Medicine 17: 857-872, table I, method 3 (the score method without correction).
WILSON = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("count", "n", "low", "high"), WILSON)
def test_the_interval_is_wilsons(count: int, n: int, low: float, high: float) -> None:
    found = share(np.arange(n) < count)
    assert (found["count"], found["n"], found["share"]) == (count, n, count / n)
    assert (found["low"], found["high"]) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@settings(deadline=None)
def test_the_interval_is_that_of_scipy_and_the_same_from_the_other_side(pair: tuple[int, int]) -> None:
    count, n = pair
    found, other = share(np.arange(n) < count), share(np.arange(n) >= count)
    oracle = stats.binomtest(count, n).proportion_ci(0.95, method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert (other["low"], other["high"]) == pytest.approx((1 - found["high"], 1 - found["low"]), abs=1e-12)
    assert 0 <= found["low"] <= found["share"] <= found["high"] <= 1


def test_of_no_images_there_is_no_share() -> None:
    with pytest.raises(ValueError, match="at least one"):
        share(np.zeros(0, dtype=bool))


@pytest.mark.parametrize(
    ("before", "after", "gained", "lost", "p"),
    [
        ("1100", "1100", 0, 0, 1.0),
        ("11111", "00000", 0, 5, 2 / 32),  # 2 · ½⁵
        ("0000000000", "1111111110", 9, 0, 2 / 512),
        ("1100", "0110", 1, 1, 1.0),
    ],
)
def test_mcnemar_by_hand(before: str, after: str, gained: int, lost: int, p: float) -> None:
    yes = [np.array([letter == "1" for letter in word]) for word in (before, after)]
    found = paired(*yes)
    assert (found["gained"], found["lost"]) == (gained, lost)
    assert found["p"] == pytest.approx(p)
    assert (found["before"]["count"], found["after"]["count"]) == (before.count("1"), after.count("1"))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, np.ndarray]:
    n = draw(st.integers(1, 12))
    wrong = tuple(draw(st.sets(st.integers(0, n - 1))))
    words = {pair: draw(st.lists(st.sampled_from([R, B, F, X]), min_size=n, max_size=n)) for pair in PAIRS}
    return table(words, wrong)


PAIRS = list(itertools.product(ATTACKS, EPSILONS))


@given(tables())
@settings(max_examples=80, deadline=None)
def test_the_robust_curve_never_rises(found: dict[str, np.ndarray]) -> None:
    figures = tally(found, ATTACKS, EPSILONS, CLASSES)
    counts = [line["count"] for line in figures["robust"]]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] <= figures["clean"]["count"]
    for line in figures["attacks"]:  # no attack alone does more than all together
        assert line["count"] >= next(one["count"] for one in figures["robust"] if one["eps"] == line["eps"])


@given(tables(), st.sampled_from(PAIRS), st.data())
@settings(max_examples=80, deadline=None)
def test_a_fault_never_counts_as_robust(
    found: dict[str, np.ndarray], pair: tuple[str, float], data: st.DataObject
) -> None:
    row = data.draw(st.integers(0, len(found["index"]) - 1))
    before = tally(found, ATTACKS, EPSILONS, CLASSES)
    found[column(*pair, "verdict")][row] = F
    assert not stands(found, ATTACKS, EPSILONS, EPSILONS[-1])[row]
    after = tally(found, ATTACKS, EPSILONS, CLASSES)
    for what in ("attacks", "robust"):
        assert all(one["count"] <= other["count"] for one, other in zip(after[what], before[what], strict=True))


def test_at_eps_0_nothing_moves_and_robust_is_clean() -> None:
    found = table({(attack, 0.0): [R, R, X, R] for attack in ATTACKS}, wrong=(1,))
    figures = tally(found, ATTACKS, [0.0], CLASSES)
    clean = figures["clean"]
    assert figures["robust"] == [{"eps": 0.0, **clean}]
    for line in figures["attacks"]:
        assert {key: line[key] for key in clean} == clean


@given(tables())
@settings(max_examples=40, deadline=None)
def test_brackets_say_when_each_image_falls(found: dict[str, np.ndarray]) -> None:
    low, high = brackets(found, ATTACKS, EPSILONS)
    for eps in EPSILONS:
        standing = stands(found, ATTACKS, EPSILONS, eps)
        assert np.array_equal(standing, (high > eps) & (found["clean_prediction"] == found["label"]))
    assert (low <= high).all()


def test_the_order_of_the_eps_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    found = table({pair: list(rng.choice([R, B, F, X], 30)) for pair in PAIRS}, wrong=(3, 9))

    def figures(epsilons: list[float]) -> Any:
        return sorted(tally(found, ATTACKS, epsilons, CLASSES)["robust"], key=lambda line: line["eps"])

    assert figures(EPSILONS) == figures(EPSILONS[::-1])
    assert np.array_equal(brackets(found, ATTACKS, EPSILONS), brackets(found, ATTACKS, EPSILONS[::-1]))

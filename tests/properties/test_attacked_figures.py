"""What becomes what, and how little is enough: against a plain count of a made-up table, row by row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from assay.tally import attacked_confusion, becomes, column, fallen_by, smallest_change, stands

ATTACKS, EPSILONS, K = ("a", "b"), (0.1, 0.2), 4


def table_of(seed: int, n: int) -> dict[str, np.ndarray]:
    """Any verdicts at all; who was wrong, or exempt, is so everywhere."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, n)
    table = {"index": np.arange(n), "label": labels}
    table["clean_prediction"] = np.where(rng.random(n) < 0.8, labels, (labels + 1) % K)
    wrong, exempt = table["clean_prediction"] != labels, rng.random(n) < 0.1
    for attack in ATTACKS:
        for eps in EPSILONS:
            free = rng.choice(["robust", "broken", "fault"], n, p=[0.5, 0.4, 0.1])
            verdict = np.where(wrong, "wrong", np.where(exempt, "exempt", free)).astype(object)
            table[column(attack, eps, "verdict")] = verdict
            table[column(attack, eps, "prediction")] = np.where(
                verdict == "broken", (labels + 1 + rng.integers(0, K - 1, n)) % K, labels
            )
            table[column(attack, eps, "size")] = np.where(wrong | exempt, 0, eps * rng.random(n))
    return table


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_a_plain_count_agrees(seed: int, n: int) -> None:
    table = table_of(seed, n)
    matrix, sizes = np.zeros((K, K), int), []
    for row in range(n):
        if table["clean_prediction"][row] != table["label"][row] or table["a@0.1:verdict"][row] == "exempt":
            continue
        places = [(attack, eps) for eps in EPSILONS for attack in ATTACKS]
        broke = [pair for pair in places if table[column(*pair, "verdict")][row] == "broken"]
        faulty = any(table[column(*pair, "verdict")][row] == "fault" for pair in places)
        sizes.append(min((table[column(*pair, "size")][row] for pair in broke), default=np.inf))
        if broke:
            matrix[table["label"][row], table[column(*broke[0], "prediction")][row]] += 1
        elif not faulty:
            matrix[table["label"][row], table["label"][row]] += 1
    assert (attacked_confusion(table, ATTACKS, EPSILONS, 0.2, K) == matrix).all()
    found = smallest_change(table, ATTACKS, EPSILONS)
    assert (found["n"], found["broken"]) == (len(sizes), int(np.isfinite(sizes).sum()))
    for line in found["shares"]:
        enough = sum(size <= (np.inf if line["size"] is None else line["size"]) for size in sizes)
        assert enough >= line["share"] * len(sizes)
    pairs = becomes(table, ATTACKS, EPSILONS, 0.2, K)
    assert sum(pair["count"] for pair in pairs) == matrix.sum() - np.trace(matrix)
    assert all(pair["count"] == matrix[pair["label"], pair["taken_for"]] for pair in pairs)
    assert all(pair["n"] == matrix[pair["label"]].sum() for pair in pairs)
    fell = fallen_by(table, ATTACKS, EPSILONS, 0.2)
    standing = stands(table, ATTACKS, EPSILONS, 0.2) & (table["a@0.1:verdict"] != "exempt")
    assert (fell is None) == (not sizes)
    assert fell is None or fell["count"] == fell["n"] - standing.sum()


@pytest.mark.parametrize("n", [20, 101])
def test_the_interval_of_the_median_holds_it_as_often_as_it_says(n: int) -> None:
    """Of uniform sizes in [0, 1], half of which lie below 0.5."""
    rng, held, tries = np.random.default_rng(0), 0, 400
    for _ in range(tries):
        table = {"index": np.arange(n), "label": np.zeros(n, int), "clean_prediction": np.zeros(n, int)}
        table |= {"a@1.0:verdict": np.full(n, "broken", object), "a@1.0:size": rng.random(n)}
        found = smallest_change(table, ("a",), (1.0,))
        held += found["low"] <= 0.5 <= found["high"]
    assert stats.binomtest(held, tries, 0.95, alternative="less").pvalue > 1e-3

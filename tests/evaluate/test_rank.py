"""The place of the label among the answers, and what is counted class by class."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.evaluate.judge import answers, rank
from assay.tally import confusion, per_class, tally

FEW = st.lists(st.lists(st.integers(-2, 2), min_size=7, max_size=7), min_size=1, max_size=9)


def check_rank(rows: list[list[int]]) -> None:
    """By sorting: larger first, and of equal ones the first, as argmax has it."""
    logits = torch.tensor(rows, dtype=torch.float32)
    for label in range(logits.shape[1]):
        found = rank(logits, torch.full((len(rows),), label))
        order = [sorted(range(len(row)), key=lambda place, row=row: (-row[place], place)) for row in rows]
        assert found.tolist() == [places.index(label) for places in order]
        assert torch.equal(found == 0, logits.argmax(1) == label), "rank 0 and the prediction differ"


@given(rows=FEW)
@settings(deadline=None)
def test_the_rank_is_the_place_in_a_sorted_list(rows: list[list[int]]) -> None:
    check_rank(rows)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_without_a_prediction_the_rank_is_the_number_of_classes(bad: float) -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [bad, 1.0, 2.0], [3.0, 2.0, 1.0]])
    assert answers(logits)[0].tolist() == [0, -1, 0]
    assert rank(logits, torch.tensor([1, 1, 1])).tolist() == [2, 3, 1]


def table(labels: list[int], predictions: list[int], ranks: list[int] | None = None) -> dict[str, np.ndarray]:
    found = {"label": labels, "clean_prediction": predictions, "clean_rank": ranks or [0] * len(labels)}
    found |= {"clean_confidence": [0.5] * len(labels)}
    return {name: np.array(values) for name, values in found.items()} | {"index": np.arange(len(labels))}


def check_top5() -> None:
    """Five are in, the sixth is out; a label without any prediction is in none."""
    found = table([0] * 8, [0] + [1] * 6 + [-1], [0, 1, 2, 3, 4, 5, 6, 10])
    assert tally(found, [], [0.0], 10)["top5"]["count"] == 5
    assert tally(found, [], [0.0], 10)["clean"]["count"] == 1


def test_the_top_five() -> None:
    check_top5()


def test_of_up_to_five_classes_all_are_in_the_top_five() -> None:
    for classes in (2, 5):
        logits = torch.randn(40, classes)
        labels = torch.arange(40) % classes
        ranks = rank(logits, labels).tolist()
        figures = tally(table(labels.tolist(), logits.argmax(1).tolist(), ranks), [], [0.0], classes)
        assert figures["top5"]["share"] == 1


# By hand: label 0 four times (right, right, taken for 1, no answer), 1 twice (right, taken for 0), 2 once (taken
# for 1), 3 never there and never said.
HAND = table([0, 0, 0, 0, 1, 1, 2], [0, 0, 1, -1, 1, 0, 1])


def check_by_hand() -> None:
    found = per_class(HAND, 4)
    assert [line["n"] for line in found] == [4, 2, 1, 0]
    assert [line["recall"] for line in found] == [2 / 4, 1 / 2, 0.0, None]
    assert [line["precision"] for line in found] == [2 / 3, 1 / 3, None, None]
    assert [line["f1"] for line in found] == pytest.approx([4 / 7, 2 / 5, 0.0, None])
    assert confusion(HAND, 4).tolist() == [[2, 1, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_class_by_class_by_hand() -> None:
    check_by_hand()


def test_a_model_without_any_answer() -> None:
    found = table([0, 1, 1], [-1, -1, -1], [2, 2, 2])
    assert [line["recall"] for line in per_class(found, 2)] == [0.0, 0.0]
    assert [line["precision"] for line in per_class(found, 2)] == [None, None]
    assert confusion(found, 2).tolist() == [[0, 0], [0, 0]]
    assert tally(found, [], [0.0], 2)["clean"]["count"] == 0


ROWS = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 5)), min_size=1, max_size=60)


@given(rows=ROWS)
@settings(deadline=None, max_examples=60)
def test_class_by_class_for_any_table(rows: list[tuple[int, int]]) -> None:
    found = table([label for label, _ in rows], [said for _, said in rows])
    matrix = np.zeros((6, 6), int)
    for label, said in rows:
        if said >= 0:
            matrix[label, said] += 1
    assert np.array_equal(confusion(found, 6), matrix)
    for number, line in enumerate(per_class(found, 6)):
        n, called, hits = sum(label == number for label, _ in rows), matrix[:, number].sum(), matrix[number, number]
        assert line["n"] == n
        assert line["recall"] == (pytest.approx(hits / n) if n else None)
        assert line["precision"] == (pytest.approx(hits / called) if called else None)
        assert line["f1"] == (pytest.approx(2 * hits / (n + called)) if n + called else None)


def test_no_prediction_is_in_no_top_five() -> None:
    found = table([0, 1], [-1, 1], [2, 0])  # two classes: a rank of 2 would be below five
    assert tally(found, [], [0.0], 2)["top5"]["count"] == 1

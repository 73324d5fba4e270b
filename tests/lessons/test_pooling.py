"""B7: max-pooling, and that it learns nothing, softens a shift, and loses a position."""

import importlib
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import pooling
from assay.lessons.paper.page import DisagreementError
from tests.mistakes.saying import Say

FOUR = "4,7,6,2;7,1,2,1;3,3,1,2;2,1,5,3"


def test_the_worked_examples(say: Say) -> None:
    said = say("lesson", "pooling").out
    assert "\noutput = [[0.3, 0.9, 0.9], [0.5, 0.9, 0.9], [0.7, 0.8, 0.8]]\n" in said
    assert "  output[1,1] = max(0.1, -0.6, -0.4, 0.3) = 0.3\n" in said
    assert pooling()["output"][0] == (Fraction("0.3"), Fraction("0.9"), Fraction("0.9"))
    assert pooling(image=FOUR, stride=2)["output"] == ((7, 6), (3, 5))
    assert "\noutput = [[7, 6], [3, 5]]\n" in say("lesson", "pooling", "--image", FOUR, "--stride", 2).out


def test_it_has_no_parameters_softens_a_shift_and_loses_the_position(say: Say) -> None:
    found, said = pooling(), say("lesson", "pooling").out
    assert found["parameters"] == 0
    assert found["mean change of the image"] == Fraction(17, 32)
    assert found["mean change of the output"] == Fraction(1, 6)
    assert "0.53125 on average, one of the output by 1/6 ≈ 0.1667: less, which is what pooling is for\n" in said
    assert found["outputs of the dots"] == (((1, 0), (0, 0)),) * 4
    assert "  every time the output is [[1, 0], [0, 0]]: where exactly it was is lost\n" in said


def test_an_image_that_pooling_does_not_soften_is_not_praised(say: Say) -> None:
    """Its windows of one number are the image itself."""
    assert "not less: of this image pooling does not soften a shift" in say("lesson", "pooling", "--size", 1).out


@given(st.data(), st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_paper_and_torch_agree(data: Any, size: int, stride: int) -> None:
    line = st.lists(st.fractions(-9, 9, max_denominator=12), min_size=4, max_size=4)
    pooling(image=data.draw(st.lists(line, min_size=3, max_size=5)), size=size, stride=stride)


@pytest.mark.parametrize("wrong", [min, lambda window: max(window[:-1])])
def test_a_wrong_maximum_is_noticed(monkeypatch: pytest.MonkeyPatch, wrong: Any) -> None:
    monkeypatch.setattr(importlib.import_module("assay.lessons.pooling"), "max", wrong, raising=False)
    with pytest.raises(DisagreementError, match="pooling: output"):
        pooling()


def test_a_mistake_is_answered_in_one_line(refuse: Any) -> None:
    assert refuse("lesson", "pooling", "--size", 5) == "the window must fit into the image, got 5×5 and 4×4"
    assert refuse("lesson", "pooling", "--image", "1,2;3").startswith("image must have parts of equal size")

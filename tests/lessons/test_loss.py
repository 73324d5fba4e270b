"""B2 and B3: the mean squared error three ways; XOR's loss, gradient, way down and minimum."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import loss
from tests.lessons.plants import noticed, one_product_short
from tests.mistakes.saying import Say

XOR = "0,0;0,1;1,0;1,1"


def test_the_mean_squared_error_three_ways(say: Say) -> None:
    found = loss()
    assert found["mean squared error"] == Fraction(1, 64)
    assert found.results["mean squared error"].torch == 0.015625
    assert found.results["mean squared error, own function"].torch == 0.015625
    said = say("lesson", "loss").out
    assert "  = 0.0625 / 4 = 1/64 = 0.015625\n" in said
    assert "  by an own function in Python floats: 0.015625\n  by torch: 0.015625\n" in said


def test_xor(say: Say) -> None:
    found, said = loss(), say("lesson", "loss").out
    assert found["loss"] == Fraction("17.5")
    assert "\nloss = (3² + 3² + 4² + 6²) / 4 = 35/2 = 17.5\n" in said
    assert found["gradient"] == (5, Fraction("4.5"), 8)
    assert "\ngradient = [5, 4.5, 8], " in said
    assert "\nsteepest descent = -[5, 4.5, 8] = [-5, -4.5, -8]\n" in said
    assert found["minimum"] == (0, 0, Fraction(1, 2))
    assert found["loss at the minimum"] == Fraction(1, 4)
    assert "  w = [0, 0], b = 1/2 = 0.5, loss 1/4 = 0.25\n" in said


def test_down_is_minus_the_gradient_and_plus_climbs(say: Say) -> None:
    found = loss()
    assert found["path"][0] == (2, 1, 3)
    assert found["path"][1] == (Fraction("1.5"), Fraction("0.55"), Fraction("2.2"))
    assert found["loss after a step down"] < found["loss"] < found["loss after a step up"]
    assert (
        "after one step down 6651/800 = 8.31375, after one step up 24131/800 = 30.16375\n" in say("lesson", "loss").out
    )
    assert len(loss(steps=7)["path"]) == 8


def test_a_rate_that_is_too_large_is_said_to_be(say: Say) -> None:
    assert "the rate is too large" in say("lesson", "loss", "--rate", 3).out
    assert "the rate is too large" not in say("lesson", "loss").out


def test_a_fit_without_a_single_minimum_says_so(say: Say) -> None:
    found = say("lesson", "loss", "--x", "1,1;2,2;3,3", "--y", "1,2,3")
    assert found.code == 0
    assert "minimum: not one point" in found.out
    assert "minimum" not in loss(x="1,1;2,2;3,3", y="1,2,3").results


numbers = st.fractions(-9, 9, max_denominator=12)


@given(st.data(), st.integers(1, 3), st.integers(2, 5), st.fractions(Fraction(1, 100), 1, max_denominator=100))
@settings(max_examples=60, deadline=None)
def test_paper_and_torch_agree(data: Any, features: int, examples: int, rate: Fraction) -> None:
    def drawn(count: int) -> Any:
        return data.draw(st.lists(numbers, min_size=count, max_size=count))

    guessed, right, y, w = drawn(examples), drawn(examples), drawn(examples), drawn(features)
    x = [drawn(features) for _ in range(examples)]
    loss(predictions=guessed, targets=right, x=x, y=y, w=w, b=drawn(1)[0], rate=rate, steps=12)


def test_a_product_too_few_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert noticed(monkeypatch, "loss", "squares", lambda one, other: one_product_short(one, other))
    monkeypatch.undo()
    assert not noticed(monkeypatch, "loss", "FINE", 5)
    monkeypatch.setattr("assay.lessons.paper.fit.dot", one_product_short)
    with pytest.raises(AssertionError, match="loss: "):
        loss()


@pytest.mark.parametrize("name", ["gradient", "moved", "loss"])
def test_a_forgotten_sign_or_factor_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    from assay.lessons.paper.fit import Fit

    right = getattr(Fit, name)
    wrong = {
        "gradient": lambda fit, point: tuple(one / 2 for one in right(fit, point)),
        "moved": lambda fit, point, by: right(fit, point, -by),
        "loss": lambda fit, point: right(fit, point) / 2,
    }
    monkeypatch.setattr(Fit, name, wrong[name])
    with pytest.raises(AssertionError, match="loss: "):
        loss()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--targets 1,2", "predictions and targets must be equally many, got 4 and 2 numbers"),
        ("--y 1,2", "x and y must have as many examples, got 4 and 2"),
        ("--w 1,2,3", "w must be as long as a row of x, got 3 and 2 numbers"),
        ("--rate 0", "rate must be more than 0, got 0"),
        ("--steps 99", "steps must be a whole number from 1 to 60, got '99'"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "loss", *words.split()) == line

"""C4: softmax before cross-entropy: loss, gradient, bounds, and what a training loses by it."""

import contextlib
import importlib
import itertools
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import softmax_twice
from assay.lessons.paper import softmax
from assay.lessons.paper.page import DisagreementError
from tests.mistakes.saying import Say


def test_the_right_loss_and_its_gradient(say: Say) -> None:
    found, said = softmax_twice(), say("lesson", "softmax_twice").out
    total = math.exp(4) + math.exp(1) + math.exp(0.5)
    assert float(found["loss"]) == pytest.approx(math.log(total) - 1, abs=1e-14)
    p = [math.exp(one) / total for one in (4, 1, 0.5)]
    assert [float(one) for one in found["gradient"]] == pytest.approx([p[0], p[1] - 1, p[2]], abs=1e-14)
    assert "  loss = log(sum of e^z) - z1 = -log p1 = 3.0769\n  gradient = p - y = [0.9259, -0.9539, 0.02796]\n" in said


def test_the_doubled_one(say: Say) -> None:
    """Its gradient against a difference quotient of forty digits."""
    found, said = softmax_twice(), say("lesson", "softmax_twice").out
    assert "  loss = log(sum of e^p) - p1 = -log q1 = 1.4799\n" in said
    step = Fraction(1, 10**12)
    for place, one in enumerate(found["gradient, doubled"]):
        up, down = ([z + sign * step * (n == place) for n, z in enumerate((4, 1, Fraction(1, 2)))] for sign in (1, -1))
        slope = (softmax.doubled(tuple(up), 1) - softmax.doubled(tuple(down), 1)) / Decimal("2e-12")
        assert float(slope) == pytest.approx(float(one), rel=1e-9)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_it_is_bounded_by_two_numbers_that_are_1_apart(classes: int) -> None:
    found = softmax_twice(logits=[1, *[0] * (classes - 1)], label=0)
    least, most = (float(found[f"doubled loss, {end}"]) for end in ("least", "most"))
    assert least == pytest.approx(math.log(1 + (classes - 1) * math.exp(-1)), abs=1e-14)
    assert most == pytest.approx(math.log(math.e + classes - 1), abs=1e-14)
    assert most - least == pytest.approx(1, abs=1e-14)


@given(st.lists(st.fractions(-60, 60, max_denominator=9), min_size=2, max_size=6), st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_no_logits_leave_the_bounds_and_the_gradient_is_never_steeper(z: list[Fraction], label: int) -> None:
    label %= len(z)
    loss, slope = softmax.doubled(tuple(z), label), softmax.doubled_slope(tuple(z), label)
    assert softmax.least(len(z)) <= loss <= softmax.most(len(z))
    assert abs(sum(slope)) < Decimal("1e-25")  # adding a number to all logits changes nothing
    assert softmax.length(slope) <= softmax.length(softmax.slope(tuple(z), label))


def test_where_it_is_sure_and_wrong_the_gradient_vanishes(say: Say) -> None:
    found, said = softmax_twice(), say("lesson", "softmax_twice").out
    right, doubled = found["derivatives of t·z"], found["derivatives of t·z, doubled"]
    assert all(abs(one) > Decimal("0.95") for one in right)
    assert [abs(a) > 10 * abs(b) for a, b in itertools.pairwise(doubled)] == [True] * 4
    assert abs(doubled[-1]) < Decimal("1e-20")
    assert "  t = 4: loss 12.0000, doubled 1.5514; derivative -1, doubled -8.382e-06\n" in said
    assert "the right loss pulls in full strength, the doubled one not at all\n" in said
    assert "nothing is likelier than this class" in say("lesson", "softmax_twice", "--label", 0).out


def test_what_training_loses(say: Say) -> None:
    found, said = softmax_twice(), say("lesson", "softmax_twice").out
    right, doubled = (found[f"loss, doubled loss, Pr(label) at the end{name}"] for name in ("", ", doubled"))
    assert [f"{one:.4f}" for one in right] == ["0.0121", "0.5592", "0.9879"]
    assert [f"{one:.4f}" for one in doubled] == ["5.2142", "1.2250", "0.3214"]
    assert "after 50 steps the cross-entropy is 5.2142 and not 0.0121; the doubled loss shows 1.2250, and" in said
    mild = softmax_twice(w=0)["loss, doubled loss, Pr(label) at the end, doubled"]
    assert f"{mild[0]:.4f}" == "0.0198"


def test_one_step_by_hand() -> None:
    """From zeros every p is 1/3: the step is rate·(y - p)·x, on average over the points."""
    found = softmax_twice(w=0, steps=1, rate="0.6", x="1,0;0,1;-1,-1")["path"]
    thirds = [[2, -1, -1], [-1, 2, -1], [-1, -1, 2]]
    points = [(1, 0), (0, 1), (-1, -1)]
    for row in range(3):
        for column in range(2):
            moved = sum(Fraction(thirds[n][row], 3) * points[n][column] for n in range(3)) / 3 * Fraction(6, 10)
            assert abs(Fraction(found[1][row][column]) - moved) < Fraction(1, 10**35)


whole = st.integers(-3, 3)


@given(st.data(), st.integers(1, 3), st.integers(1, 3), st.integers(2, 3))
@settings(max_examples=20, deadline=None)
def test_paper_and_torch_agree(data: Any, wide: int, points: int, classes: int) -> None:
    def drawn(rows: int) -> Any:
        return data.draw(st.lists(st.lists(whole, min_size=wide, max_size=wide), min_size=rows, max_size=rows))

    y = data.draw(st.lists(st.integers(0, classes - 1), min_size=points, max_size=points))
    x, rate = drawn(points), data.draw(st.sampled_from(["1/20", "0.2", "0.5"]))
    with contextlib.suppress(ValueError):  # a rate that is too large for these points, or a way that rounding decides
        softmax_twice(x=x, y=y, w=drawn(classes), rate=rate, steps=15)


@pytest.mark.parametrize(
    ("name", "wrong", "what"),
    [
        ("slope", lambda z, label: softmax.softmax(z), "gradient, doubled"),  # y forgotten
        ("doubled_slope", lambda z, label: softmax.slope(softmax.softmax(z), label), "path, doubled"),  # no chain rule
        ("most", lambda classes: Decimal(classes).ln(), "doubled loss, least"),
    ],
)
def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, what: str) -> None:
    monkeypatch.setattr(softmax, name, wrong)
    with pytest.raises(DisagreementError, match=f"softmax_twice: {what}"):
        softmax_twice()


@pytest.mark.parametrize(
    ("name", "wrong", "what"),
    [
        ("doubled", softmax.cross_entropy, "loss, doubled"),
        ("doubled_slope", softmax.slope, "gradient, doubled"),
        ("cross_entropy", lambda z, label: -softmax.softmax(z)[label], "loss"),  # the log forgotten
    ],
)
def test_a_fault_on_the_page_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, what: str) -> None:
    monkeypatch.setattr(importlib.import_module("assay.lessons.softmax_twice"), name, wrong)
    with pytest.raises(DisagreementError, match=f"softmax_twice: {what}"):
        softmax_twice()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--logits 1", "logits must be of 2 to 10 classes, got 1"),
        ("--logits 1,x", "logits must be a number such as 3, -0.5 or 1/3, got 'x'"),
        ("--logits 1,200", "logits must be numbers from -100 to 100, got 200"),
        ("--label 3", "label must be a whole number from 0 to 2, got '3'"),
        ("--x 1,0;0,1", "x and y must have as many points, got 2 and 3"),
        ("--x 1,0;0;1,1", "x must have parts of equal size, got 2 and 1 numbers"),
        ("--y 0,1,10", "y must be a whole number from 0 to 9, got "),
        ("--y 0,1,1.5", "y must be a whole number from 0 to 9, got "),
        ("--w 1,2;3,4", "w must have 3 to 10 rows of 2, or be one number, got 2×2"),
        ("--w 1,2,3;1,2,3;1,2,3", "w must have 3 to 10 rows of 2, or be one number, got 3×3"),
        ("--rate 0", "rate must be more than 0, got 0"),
        ("--rate 2", "rate must be at most 6/7 for these points, got 2: beyond it a step may lead too far"),
        ("--steps 201", "steps must be a whole number from 1 to 200, got '201'"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "softmax_twice", *words.split()).startswith(line)

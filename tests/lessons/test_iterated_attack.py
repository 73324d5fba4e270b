"""A4: iterated FGSM as it was written beside iterated FGSM, exact, and seen by autograd and by assay's own judge."""

import contextlib
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import iterated_attack
from assay.lessons.iterated_attack import VERDICTS
from assay.lessons.paper import bends
from assay.lessons.paper.bends import Bent
from assay.lessons.paper.numbers import dot
from assay.lessons.paper.page import DisagreementError
from tests.mistakes.saying import Say


def points(text: str) -> tuple[tuple[Fraction, ...], ...]:
    return tuple(tuple(map(Fraction, point.split(","))) for point in text.split())


def test_its_eps_is_a_step_and_no_budget(say: Say) -> None:
    """Ten steps of 0.005 along one direction reach 0.05, of 0.009 they reach 0.09."""
    far = {"c": "0,0,-5", "b": "9"}  # a plane, which nothing changes: every step is made
    for step, reached in (("0.005", "0.05"), ("0.009", "0.09")):
        path = iterated_attack(x="0.5,0.5", step_size=step, **far)["path, wrong"]
        assert bends.distance(path[-1], path[0]) == Fraction(reached)
        assert f"and 10 may go {reached}: eps is a step here, and no budget\n" in (
            say("lesson", "iterated_attack", "--step-size", step).out
        )


def test_the_gradient_at_the_clean_image_every_time() -> None:
    found = iterated_attack()
    assert found["gradient of the score"] == (-2, -1)
    assert found["path, wrong"] == points(".98,.5 .985,.505 .99,.51 .995,.515 1,.52 1.005,.525")
    assert found["path, right, linf 0.05"] == points(".98,.5 .985,.505 .99,.51 .995,.515 1,.51")


def test_what_it_believes_is_no_image_and_what_it_hands_in_is_not_fooled(say: Say) -> None:
    found, said = iterated_attack(), say("lesson", "iterated_attack").out
    assert found["fooled after, wrong"] == 5
    assert found["scores, wrong"][-1] == Fraction("-0.002")
    assert found["answer, wrong"] == points("1,.525")[0]
    assert found["score of the answer, wrong"] == Fraction("0.008")
    assert "  it says: fooled at eps 0.005; but its 5 steps went 0.025,\n" in said
    assert "  then it clips: (1, 0.525), score 0.008: class 1, so nothing is fooled\n" in said


def test_the_judge(say: Say) -> None:
    found, said = iterated_attack(), say("lesson", "iterated_attack").out
    told = {eps: [VERDICTS[int(found[f"verdict at linf {eps}, {who}"])] for who in ("wrong", "right")]
            for eps in ("0.005", "0.025", "0.05")}  # fmt: skip
    assert told == {"0.005": ["fault", "robust"], "0.025": ["robust", "broken"], "0.05": ["robust", "broken"]}
    for eps, (wrong, _) in told.items():
        assert f"  the judge of what it hands in, at linf {eps}: {wrong}\n" in said
    assert "    the judge: broken; it went 0.02 of 0.025\n" in said
    assert "What it costs: wrong says fooled at eps 0.005; right is not fooled at linf 0.005\n  and fooled at" in said


def test_where_both_are_right_the_lesson_does_not_say_otherwise(say: Say) -> None:
    said = say("lesson", "iterated_attack", "--x", "0.5,0.5", "--c", "0,0,-5", "--b", "1.52").out
    assert "so nothing is fooled" not in said
    assert "wrong says fooled at eps 0.005; right is not fooled at linf 0.005\n  and fooled at linf 0.01" in said


def test_without_a_gradient_nothing_moves_and_without_a_difference_none_is_told_of(say: Say) -> None:
    said = say("lesson", "iterated_attack", "--x", "0.3,0.3", "--w=-1,0;0,-1", "--c", "0,0", "--v", "1,2", "--b", 1).out
    assert "= [0, 0]\n  class 1's loss grows along the signs [0, 0] here, maybe not elsewhere: nothing moves\n" in said
    assert "  after 0: (0.3, 0.3), score 1\n  and so to the end, after 10\n" in said
    assert "Here they agree: wrong says not fooled at eps 0.005; right is not fooled at linf 0.005\n\n" in said


def test_however_sure_the_network_is_its_gradient_has_a_sign() -> None:
    """The cross-entropy's would round to 0 in float64."""
    assert iterated_attack(b=99)["path, right, linf 0.05"][-1] == points("1,.51")[0]


@given(st.data(), st.integers(1, 3), st.integers(1, 4))
@settings(max_examples=30, deadline=None)
def test_paper_and_torch_agree(data: Any, size: int, units: int) -> None:
    def drawn(low: int, high: int, below: int, *sizes: int) -> Any:
        strategy: Any = st.integers(low, high).map(lambda one: Fraction(one, below))
        for each in reversed(sizes):
            strategy = st.lists(strategy, min_size=each, max_size=each)
        return data.draw(strategy)

    given = {"w": drawn(-4, 4, 1, units, size), "c": drawn(-9, 9, 7, units), "v": drawn(-4, 4, 1, units)}
    more = {"x": drawn(0, 10, 10, size), "b": drawn(-9, 9, 13), "step_size": Fraction(1, 40), "steps": 6}
    with contextlib.suppress(ValueError):  # a bend, or a pixel that does not matter
        found = iterated_attack(**given, **more)
        for eps in ("0.025", "0.15"):
            for point in found[f"path, right, linf {eps}"]:
                assert bends.distance(point, found["answer, wrong"]) <= 1
                assert bends.distance(point, tuple(more["x"])) <= Fraction(eps)


def test_most_of_what_is_drawn_is_no_bend() -> None:
    """The property above holds of something."""
    assert iterated_attack(w="1,2,-1;0,1,1", c="1/7,2/7", v="3,-2", b="1/13", x=".1,.4,.7", step_size="1/40", steps=6)


@pytest.mark.parametrize(
    ("name", "wrong", "what"),
    [
        ("projected", lambda point, x, eps: bends.clipped(point), "path, right"),
        ("projected", lambda point, x, eps: tuple(min(max(a, b - eps), b + eps) for a, b in zip(point, x, strict=True)),
         "path, right"),
        ("clipped", lambda point: point, "answer, wrong"),
        ("moved", lambda point, direction, size: tuple(a - size * b for a, b in zip(point, direction, strict=True)),
         "path, wrong"),
        ("judged", lambda model, point, x, eps: "broken", "verdict"),
    ],
)  # fmt: skip
def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, what: str) -> None:
    monkeypatch.setattr(bends, name, wrong)
    with pytest.raises(DisagreementError, match=f"iterated_attack: {what}"):
        iterated_attack(b="2.6")


def test_an_old_gradient_in_the_right_way_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    uphill = Bent.uphill
    monkeypatch.setattr(Bent, "uphill", lambda model, x, label: uphill(model, points(".98,.5")[0], label))
    with pytest.raises(DisagreementError, match="path, right, linf"):
        iterated_attack()


def test_a_hidden_unit_that_is_always_on_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bent, "score", lambda model, x: dot(model.v, model.hidden(x)) + model.b)
    with pytest.raises(DisagreementError, match="iterated_attack: score"):
        iterated_attack()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--x 0.5", "x must be as long as a row of w, got 1 and 2 numbers"),
        ("--x 1.2,0", "x must be pixels from 0 to 1, got [1.2, 0]"),
        ("--w 1,0;0", "w must have parts of equal size, got 2 and 1 numbers"),
        ("--c 0,0", "c must have a number for each row of w, got 2 and 3 rows"),
        ("--v 1", "v must have a number for each row of w, got 1 and 3 rows"),
        ("--b x", "b must be a number such as 3, -0.5 or 1/3, got 'x'"),
        ("--step-size 0", "step_size must be more than 0, got 0"),
        ("--steps 99", "steps must be a whole number from 1 to 50, got '99'"),
        ("--x 0.98,0.5125", "hidden unit 3 is 0 at [0.98, 0.5125]: the score has a bend there, and no gradient"),
        ("--x 0,0.5", "hidden unit 1 is 0 at [0, 0.5]: the score has a bend there, and no gradient"),
        ("--b 2.46", "the score at [0.98, 0.5] is 0: rounding would decide on the class"),
        ("--w 1,1;1,-1;1,1 --v 1,1,0", "the score does not depend on x2 at [0.98, 0.5]: rounding would decide"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "iterated_attack", *words.split()) == line

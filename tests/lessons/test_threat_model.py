"""B8 to B11: the problem in the plane, its corners and optimum, FGSM's points, and both paths of PGD."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import threat_model
from assay.lessons.paper import plane
from assay.lessons.paper.page import DisagreementError
from tests.mistakes.saying import Say

TENTH = Fraction(1, 10)
BEST = (Fraction("1.9"), Fraction("0.9"))


def rounded(value: Any) -> str:
    return f"{value:.4f}"


def test_the_classifier(say: Say) -> None:
    found, said = threat_model(), say("lesson", "threat_model").out
    assert (rounded(found["Pr(cat)"]), rounded(found["Pr(dog)"])) == ("0.9526", "0.0474")
    assert "\nPr(cat) = 1 / (1 + e^(-3)) = 0.9526, Pr(dog) = 1 - Pr(cat) = 0.0474\n" in said
    assert "\nThe problem: maximise Pr(dog | x') over x', subject to max |x' - x| ≤ 0.1\n" in said


def test_corners_and_optimum(say: Say) -> None:
    found, said = threat_model(), say("lesson", "threat_model").out
    sides = [(Fraction(19, 10), Fraction(21, 10)), (Fraction(9, 10), Fraction(11, 10))]
    assert set(found["corners"]) == {(a, b) for a in sides[0] for b in sides[1]}
    assert found["optimum in linf"] == BEST
    assert rounded(found["Pr(dog) at the optimum in linf"]) == "0.0573"
    assert max(found["Pr(dog) in the corners"]) == found["Pr(dog) at the optimum in linf"]
    for corner, dog in (
        ("1.9, 0.9", "0.0573  <-"),
        ("1.9, 1.1", "0.0474"),
        ("2.1, 0.9", "0.0474"),
        ("2.1, 1.1", "0.0392"),
    ):
        assert f"    corner ({corner}): Pr(dog) {dog}" in said


def test_the_other_balls(say: Say) -> None:
    """In l2 the point is 0.1 / √2 away in each coordinate, in l1 all of it is in one."""
    found, said = threat_model(), say("lesson", "threat_model").out
    assert "in l2 go eps straight against w: (1.9293, 0.9293), Pr(dog) 0.0542\n" in said
    assert "in l1 spend all of eps where |w| is largest: (1.9, 1), Pr(dog) 0.0522\n" in said
    moved = [one - start for one, start in zip(found["optimum in l2"], (2, 1), strict=True)]
    assert abs(sum(one * one for one in moved) - Decimal("0.01")) < Decimal("1e-25")


def test_fgsm(say: Say) -> None:
    found, said = threat_model(), say("lesson", "threat_model").out
    sizes = [Fraction(one) for one in ("0.01", "0.1", "0.25", "0.5")]
    assert found["FGSM"] == tuple((2 - size, 1 - size) for size in sizes)
    assert found["FGSM inside"] == (1, 1, 0, 0)
    assert "  a = 0.01: (1.99, 0.99), Pr(dog) 0.0483, inside\n  a = 0.1: (1.9, 0.9), Pr(dog) 0.0573, inside\n" in said
    assert "  a = 0.25: (1.75, 0.75), Pr(dog) 0.0759, OUTSIDE the ball\n  a = 0.5: (1.5, 0.5)" in said
    assert "right (1.9, 0.9), Pr(dog) 0.0573; wrong (2.1, 1.1), Pr(dog) 0.0392; without an attack 0.0474\n" in said


def test_both_paths_of_pgd(say: Say) -> None:
    found, said = threat_model(), say("lesson", "threat_model").out
    assert (found["steps, sign"], found["steps, raw"]) == (10, 203)
    assert found["path, sign"] == tuple((2 - step * TENTH / 10, 1 - step * TENTH / 10) for step in range(11))
    assert len(found["path, raw"]) == 204
    for kind in ("sign", "raw"):
        path = found[f"path, {kind}"]
        assert max(abs(Fraction(one) - end) for one, end in zip(path[-1], BEST, strict=True)) < 1e-12
        assert all(plane.inside(point, (Fraction(2), Fraction(1)), TENTH) for point in path)
    assert "    at the optimum (1.9, 0.9) after 10 steps; every point of the path lies inside the ball\n" in said
    assert "    at the optimum (1.9, 0.9) after 203 steps; every point of the path lies inside the ball\n" in said
    assert "\nWhat the sign buys: 10 steps and not 203, " in said


def test_targeted_is_untargeted_with_two_classes(say: Say) -> None:
    found = threat_model()
    assert plane.signs(found["gradient, targeted"]) == plane.signs(found["gradient, untargeted"]) == (-1, -1)
    assert "With two classes, toward the dog (targeted) is away from the cat" in say("lesson", "threat_model").out


def test_a_path_that_does_not_arrive_says_so(say: Say) -> None:
    said = say("lesson", "threat_model", "--w", "8,8", "--x", "2,1")
    assert said.code == 0
    assert "    not yet at the optimum; every point" in said.out
    assert "and the raw gradient is on its way after 500\n" in said.out


numbers, wide = st.fractions(-3, 3, max_denominator=12), st.fractions(Fraction(1, 20), 1, max_denominator=20)


@given(
    st.tuples(numbers, numbers).filter(any), st.tuples(numbers, numbers), st.fractions("1/20", 1, max_denominator=20)
)
@settings(max_examples=10, deadline=None)
def test_paper_and_torch_agree(w: Any, x: Any, eps: Fraction) -> None:
    found = threat_model(w=w, x=x, eps=eps, step_size=eps / 7)
    assert found["Pr(dog) at the optimum in linf"] >= max(found["Pr(dog) in the corners"])
    assert found["Pr(dog) at the optimum in linf"] >= found["Pr(dog) at the optimum in l2"]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("fgsm", lambda model, x, size: tuple(a + size * b for a, b in zip(x, plane.signs(model.w), strict=True))),
        ("signs", lambda point: point),
        ("corners", lambda x, eps: ((x[0], x[1]),) * 4),
        ("inside", lambda point, x, eps: True),
        ("_clipped", lambda one, low, high: one),
        ("uphill", lambda model, x: (model.w, model.w)),
    ],
)
def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any) -> None:
    monkeypatch.setattr(plane, name, wrong)
    with pytest.raises((DisagreementError, AssertionError)):
        threat_model(w="2,1", step_size="0.03")


def test_a_product_too_few_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plane.Classifier, "score", lambda model, x: model.w[0] * Fraction(x[0]))
    with pytest.raises(DisagreementError, match=r"threat_model: Pr\(cat\)"):
        threat_model()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--w 1,1,1", "w must be two numbers, as the lesson is drawn in the plane, got 3"),
        ("--w 0,0", "w must not be 0,0: then every point is half a cat"),
        ("--eps 0", "eps must be more than 0, got 0"),
        ("--step-size -0.1", "step_size must be more than 0, got -0.1"),
        ("--fgsm a", "fgsm must be a number such as 3, -0.5 or 1/3, got 'a'"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "threat_model", *words.split()) == line

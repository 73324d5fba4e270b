"""B1: the gradient of a plane."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import gradient
from tests.mistakes.saying import Say

fractions = st.fractions(-20, 20, max_denominator=30)


def test_the_worked_example(say: Say) -> None:
    assert (gradient()["y"], gradient()["dy/dx"], gradient()["dy/dw"]) == (13, (2, 1), (4, 2))
    said = say("lesson", "gradient").out
    assert "y = w·x + b = 2·4 + 1·2 + 3 = 13\n" in said
    assert "\ndy/dx = [2, 1], " in said


@given(st.lists(st.tuples(fractions, fractions), min_size=1, max_size=6), fractions)
@settings(max_examples=60, deadline=None)
def test_paper_and_torch_agree(pairs: list[tuple[Fraction, Fraction]], b: Fraction) -> None:
    w, x = zip(*pairs, strict=True)
    assert gradient(w=w, b=b, x=x)["dy/dx"] == w

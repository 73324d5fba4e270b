"""B12: four sentences about FGSM and PGD, each shown by running it."""

import contextlib
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import true_or_false
from assay.lessons.paper import linear
from assay.lessons.paper.page import DisagreementError
from tests.mistakes.saying import Say


def test_the_weights_do_not_change(say: Say) -> None:
    found = true_or_false()
    assert (found["1: change of the weights"], found.results["1: change of the weights"].torch) == (0, 0.0)
    assert "1. FGSM and PGD change the weights: FALSE\n   after both the weights are off by 0:" in (
        say("lesson", "true_or_false").out
    )


def test_the_pixels_do(say: Say) -> None:
    found, said = true_or_false(), say("lesson", "true_or_false").out
    start = found["4: path of PGD"][0]
    assert all(a != b for a, b in zip(start, found["2: FGSM"], strict=True))
    assert found["2: FGSM"] == tuple(Fraction(one) for one in ("0.8", "0.3", "0.4", "0.88"))
    assert found["2: Pr(label) after FGSM"] < max(found["probabilities"])
    assert "2. FGSM and PGD change the pixels: TRUE\n   FGSM: [0.8, 0.3, 0.4, 0.88], 4 of 4 pixels changed" in said


def test_fgsm_can_be_targeted(say: Say) -> None:
    found, said = true_or_false(), say("lesson", "true_or_false").out
    assert found["3: Pr(target) after it"] > found["probabilities"][1]
    assert found["3: targeted FGSM"] != found["2: FGSM"]
    assert "3. FGSM can be targeted: TRUE\n" in said
    assert "   Pr(class 1) 0.0503 -> 0.0998: it rises\n" in said


def test_pgd_never_leaves_the_ball(say: Say) -> None:
    found, said = true_or_false(), say("lesson", "true_or_false").out
    start, *path = found["4: path of PGD"]
    far = [max(abs(a - b) for a, b in zip(start, point, strict=True)) for point in path]
    assert far == [Fraction(one) for one in ("0.03", "0.06", "0.09", "0.1", "0.1", "0.1", "0.1", "0.1")]
    assert set(found["4: inside"]) == {1}
    assert "4. PGD can leave the ball: FALSE\n" in said
    assert "   never more than 0.1, and 0.1 are allowed" in said
    assert "wrong: never projected, it would be at 0.24 by now" in said


weights, pixels = (
    st.integers(-20, 20).map(lambda one: Fraction(one, 7)),
    st.integers(0, 20).map(lambda one: Fraction(one, 20)),
)


@given(st.data(), st.integers(2, 4), st.integers(1, 5), st.sampled_from(["1/20", "0.1", "1/3"]))
@settings(max_examples=25, deadline=None)
def test_paper_and_torch_agree(data: Any, classes: int, size: int, eps: str) -> None:
    line = st.lists(weights, min_size=size, max_size=size)
    w = data.draw(st.lists(line, min_size=classes, max_size=classes))
    x = data.draw(st.lists(pixels, min_size=size, max_size=size))
    aim = data.draw(st.integers(0, classes - 1))
    with contextlib.suppress(ValueError):  # the label itself as the target, or a pixel that does not matter
        assert set(true_or_false(w=w, x=x, eps=eps, target=aim, steps=4)["4: inside"]) == {1}


@pytest.mark.parametrize("name", ["projected", "along", "softmax_gradient", "dot"])
def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    right = getattr(linear.Attack, name, None) or getattr(linear, name)
    wrong: dict[str, Any] = {
        "projected": lambda attack, point: point,
        "along": lambda attack, point, slope, by: right(attack, point, slope, -by),
        "softmax_gradient": lambda w, x, label: right(w, x, (label + 1) % 3),
        "dot": lambda a, b: right(a[:-1], b[:-1]),
    }
    monkeypatch.setattr(linear.Attack if hasattr(linear.Attack, name) else linear, name, wrong[name])
    with pytest.raises(DisagreementError, match="true_or_false: "):
        true_or_false()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--w 1,2", "w must have two rows or more, as long as x, got 1×2"),
        ("--x 0,1", "w must have two rows or more, as long as x, got 3×4"),
        ("--x 2,0,0,0", "x must be pixels from 0 to 1, got [2, 0, 0, 0]"),
        ("--target 3", "target must be a whole number from 0 to 2, got '3'"),
        ("--target 0", "target must be another class than 0, which the classifier finds"),
        (
            "--w 1,1;1,2 --x 0.5,0.5 --target 0",
            "the loss hardly depends on pixel 1: rounding would decide where it goes",
        ),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "true_or_false", *words.split()) == line

"""D1: convolution by unfold and a product, its gradients by fold, on paper, by torch and the house's function."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import convolution, own_convolution
from assay.lessons.paper import unfolding
from assay.lessons.paper.numbers import flat
from assay.lessons.paper.page import DisagreementError
from assay.models.own_convolution import Convolve
from tests.lessons.plants import one_product_short
from tests.mistakes.saying import Say

HALF = Fraction(1, 2)


def test_the_windows_become_columns(say: Say) -> None:
    found, said = own_convolution(), say("lesson", "own_convolution").out
    assert found["columns"] == ((1, 2, 0, 1), (2, 0, 1, 3), (0, 1, 2, 1), (1, 3, 1, 1))
    assert "    1  2  0  1\n    2  0  1  3\n    0  1  2  1\n    1  3  1  1\nthe kernels, a row for each" in said
    assert "  first number of row 1: 1·1 + (-1)·2 + 2·0 + 0.5·1 + 0.5 = 0\n" in said


def test_forward_is_what_the_other_lesson_computes_product_by_product() -> None:
    settings: dict[str, Any] = {"image": "1,2,0;0,1,3;2,1,1|0,0,1;1/3,1,2;4,1,0", "kernel": "1,-1;2,.5|1,0;0,1"}
    for stride, padding in ((1, 0), (2, 1), (3, 2)):
        one = convolution(**settings, stride=stride, padding=padding)["output"]
        other = own_convolution(**settings, bias=0, stride=stride, padding=padding)["output, own function"]
        assert (one,) == other


def test_the_three_gradients(say: Say) -> None:
    """By hand: the output is 0, 6, 4, 1, and of half the sum of its squares the gradient as well."""
    found, said = own_convolution(), say("lesson", "own_convolution").out
    for name in ("torch", "own function"):
        assert found[f"output, {name}"] == (((0, 6), (4, 1)),)
        assert found[f"gradient of the bias, {name}"] == (11,)
        assert found[f"gradient of the kernels, {name}"] == ((((13, 7), (15, 23)),),)
        assert found[f"gradient of the image, {name}"] == (((0, 6, -6), (4, 9, 2), (8, 4, HALF)),)
    assert "    the first weight meets the first row of the columns: 0·1 + 6·2 + 4·0 + 1·1 = 13\n" in said
    assert "  grows by 13; its gradient is 13\n" in said


def test_fold_is_not_unfold_undone_and_what_overwriting_costs(say: Say) -> None:
    found, said = own_convolution(), say("lesson", "own_convolution").out
    assert found["folded columns"] == (((1, 4, 0), (0, 4, 6), (2, 2, 1)),)
    assert "how many windows see a pixel:\n    1  2  1\n    2  4  2\n    1  2  1\n" in said
    assert (
        "wrong gradient of the image:\n    0  6   -6\n    4  1   -1\n    8  2  0.5\n  up to 8 off: a pixel that 4"
        in said
    )
    assert "wrong gradient" not in say("lesson", "own_convolution", "--stride", 2).out


def test_a_gradient_of_ones_counts(say: Say) -> None:
    found = own_convolution(up=1, kernel="1,1;1,1")
    assert found["gradient of the image, torch"] == (((1, 2, 1), (2, 4, 2), (1, 2, 1)),)
    assert own_convolution(up="1,2;3,4")["gradient of the bias, own function"] == (10,)
    two = own_convolution(kernel="1,0;0,1||0,1;1,0", bias="1,2", up="1,2;3,4|0,0;0,1")
    assert two["gradient of the bias, torch"] == (10, 1)


def test_a_large_image_is_not_printed_whole(say: Say) -> None:
    said = say("lesson", "own_convolution", "--image", ";".join([",".join(["1"] * 15)] * 15), "--kernel", "1,2;3,4").out
    assert "  … and 184 more columns\n" in said
    assert max(map(len, said.splitlines())) < 250


def test_an_output_that_nearly_cancels_carries_the_rounding_of_its_terms_back() -> None:
    """Its gradient is itself: what it is allowed to be off is measured by the terms, not by what is left of them."""
    kernels, image = "730000/7|-1220/3||-10.9|-2.6", "6250|5480000/3"
    found = own_convolution(image=image, kernel=kernels, bias="-223/25,0.00801").results[
        "gradient of the kernels, torch"
    ]
    assert found.size > 2 * max(map(abs, flat(found.paper)))


numbers = st.fractions(-9, 9, max_denominator=12)


@st.composite
def asked(draw: Any) -> dict[str, Any]:
    kernels, count, rows, columns = (draw(st.integers(1, 2)) for _ in range(4))

    def drawn(*sizes: int) -> Any:
        strategy: Any = numbers
        for size in reversed(sizes):
            strategy = st.lists(strategy, min_size=size, max_size=size)
        return draw(strategy)

    return {
        **{"image": drawn(count, draw(st.integers(rows, 4)), draw(st.integers(columns, 4)))},
        **{
            "kernel": drawn(kernels, count, rows, columns),
            "bias": drawn(kernels),
            "up": draw(st.sampled_from(["output", 1])),
        },
        **{"stride": draw(st.integers(1, 3)), "padding": draw(st.integers(0, 2))},
    }


@given(asked())
@settings(max_examples=40, deadline=None)
def test_paper_torch_and_the_own_function_agree(settings: dict[str, Any]) -> None:
    own_convolution(**settings)  # cannot be made where they do not


@pytest.mark.parametrize(
    ("name", "wrong", "what"),
    [
        ("merged", lambda before, one: one, "folded columns"),  # overwritten, not added
        ("dot", one_product_short, "output"),
        ("sums", lambda table: tuple(line[0] for line in table), "gradient of the bias"),
    ],
)
def test_a_planted_fault_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any, what: str) -> None:
    monkeypatch.setattr(unfolding, name, wrong)
    with pytest.raises(DisagreementError, match=f"own_convolution: {what}"):
        own_convolution()


def test_a_padding_that_is_forgotten_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        unfolding.Unfolding, "_inside", lambda self, channel, row, column: (channel, row % 3, column % 3)
    )
    with pytest.raises(DisagreementError, match="own_convolution: columns"):
        own_convolution(padding=1)


def test_a_fault_in_the_function_of_the_models_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper side is right, and so is torch: it is the third that is told of."""
    right = Convolve.backward

    def backward(ctx: Any, gradient: Any) -> Any:
        images, weight, *others = right(ctx, gradient)
        return images, weight.flip(-1), *others

    monkeypatch.setattr(Convolve, "backward", staticmethod(backward))
    with pytest.raises(DisagreementError, match="gradient of the kernels, own function"):
        own_convolution()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--kernel 1,1,1,1", "the kernel must fit into the padded image, got 1×4 and 3×3"),
        ("--kernel 1|1", "a kernel needs as many channels as the image, got 2 and 1"),
        ("--kernel 1||1,1", "kernel must have parts of equal size, got 1×1×1 and 1×1×2 numbers"),
        ("--kernel 1||", "kernel must be a number such as 3, -0.5 or 1/3, got ''"),
        ("--image 1,2;3", "image must have parts of equal size, got 2 and 1 numbers"),
        ("--image x", "image must be a number such as 3, -0.5 or 1/3, got 'x'"),
        ("--bias 1,2", "bias must be one number, or one for each of 1 kernels, got 2"),
        ("--up 1,2", "up must be output, one number, or as large as the output, 1×2×2, got 1×1×2"),
        ("--up outputs", "up must be a number such as 3, -0.5 or 1/3, got 'outputs'"),
        ("--stride 0", "stride must be a whole number from 1 to 50, got '0'"),
        ("--padding -1", "padding must be a whole number from 0 to 20, got '-1'"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "own_convolution", *words.split()) == line

"""B4 to B6: convolution in one and two dimensions, its output size, padding, channels, and what it is truly called."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.lessons import convolution
from tests.lessons.plants import noticed, one_product_short
from tests.mistakes.saying import Say

IMAGE = ".1,-.6,.4,.8;-.4,.3,.9,.2;.5,.2,.8,-.7;.3,.7,-.4,.1"
LARGE = "2,4,7,6,2;9,7,1,2,1;8,3,4,5,8;4,3,3,1,2;5,2,1,5,3"
EDGE = "1,0,-1;1,0,-1;1,0,-1"
WORKED = [
    ("1,-1,3,4,4", "1,1", 1, "[0, 2, 7, 8]"),
    ("1,-1,3,4,4", "1,1", 2, "[0, 7]"),
    (IMAGE, "1,0;0,1", 1, "[[0.4, 0.3, 0.6], [-0.2, 1.1, 0.2], [1.2, -0.2, 0.9]]"),
    (IMAGE, "0,1;1,0", 1, "[[-1, 0.7, 1.7], [0.8, 1.1, 1], [0.5, 1.5, -1.1]]"),
    (LARGE, EDGE, 1, "[[7, 1, 1], [13, 5, -3], [9, -3, -5]]"),
    (LARGE, EDGE, 2, "[[7, 1], [9, -5]]"),
]


@pytest.mark.parametrize(("image", "kernel", "stride", "output"), WORKED)
def test_the_worked_examples(say: Say, image: str, kernel: str, stride: int, output: str) -> None:
    said = say("lesson", "convolution", "--image", image, "--kernel", kernel, "--stride", stride)
    assert said.code == 0
    assert f"\noutput = {output}\n" in said.out
    numbers = [Fraction(one) for one in output.replace("[", "").replace("]", "").split(",")]
    found = convolution(image=image, kernel=kernel, stride=stride)["output"]
    assert [one for each in found for one in (each if isinstance(each, tuple) else [each])] == numbers


def test_every_product_is_printed(say: Say) -> None:
    said = say("lesson", "convolution").out
    assert "  output[1] = 1·1 + (-1)·1 = 0\n  output[2] = (-1)·1 + 3·1 = 2\n" in said
    assert "  output[3] = 3·1 + 4·1 = 7\n  output[4] = 4·1 + 4·1 = 8\n" in said


def test_the_size_and_where_a_stride_does_not_divide(say: Say) -> None:
    found = say("lesson", "convolution", "--image", IMAGE, "--kernel", "1,0;0,1", "--stride", 2).out
    assert "  rows: (4 - 2 + 2·0) / 2 + 1 = 2\n" in found
    assert "  right: 2×2; wrong, as where the stride is forgotten: 3×3, numbers that nobody computes\n" in found
    assert convolution(image=IMAGE, kernel="1,0;0,1", stride=2)["output size"] == (2, 2)
    assert convolution(image=IMAGE, kernel="1,0;0,1")["output size"] == (3, 3)
    assert "(5 - 2 + 2·0) / 2 + 1 = 2.5, so 2: the last 1 are" in say("lesson", "convolution", "--stride", 2).out
    assert convolution(image=IMAGE, kernel="1,0;0,1", padding=1)["output size"] == (5, 5)


def test_one_number_needs_a_kernel_as_large_as_the_image(say: Say) -> None:
    assert (
        "the kernel has to be as large as the padded image: 4×4\n"
        in say("lesson", "convolution", "--image", IMAGE, "--kernel", "1,0;0,1").out
    )
    assert convolution(image=IMAGE, kernel=[[1] * 4] * 4)["output size"] == (1, 1)
    assert convolution(image=IMAGE, kernel=[[1] * 4] * 4)["output"] == ((Fraction("3.2"),),)


def test_the_true_convolution_gives_minus_seven(say: Say) -> None:
    said = say("lesson", "convolution", "--image", LARGE, "--kernel", EDGE).out
    assert "  its first number is -7, not 7\n" in said
    assert convolution(image=LARGE, kernel=EDGE)["true convolution"][0][0] == -7


numbers = st.fractions(-9, 9, max_denominator=12)


@st.composite
def asked(draw: Any) -> dict[str, Any]:
    flat = draw(st.booleans())
    count, side = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    own = (1 if flat else draw(st.integers(1, 3)), side)
    size = (1 if flat else draw(st.integers(own[0], 5)), draw(st.integers(own[1], 5)))

    def drawn(rows: int, columns: int) -> Any:
        line = st.lists(numbers, min_size=columns, max_size=columns)
        table = st.lists(line, min_size=rows, max_size=rows)
        return draw(st.lists(table, min_size=count, max_size=count))

    return {
        **{"image": drawn(*size), "kernel": drawn(*own)},
        **{"stride": draw(st.integers(1, 3)), "padding": draw(st.integers(0, 2))},
    }


@given(asked())
@settings(max_examples=60, deadline=None)
def test_paper_and_torch_agree(settings: dict[str, Any]) -> None:
    convolution(**settings)  # cannot be made where they do not


def test_a_product_too_few_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert noticed(monkeypatch, "convolution", "dot", one_product_short)


def test_a_padding_on_one_side_only_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not noticed(monkeypatch, "convolution", "_padded", lambda image, across, up: image)  # there is none
    with pytest.raises(AssertionError, match="output"):
        convolution(padding=1)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--kernel 1,1,1,1,1,1", "the kernel must fit into the padded image, got 6 and 5"),
        ("--kernel 1,1;1,1", "the kernel must fit into the padded image, got 2×2 and 5"),
        ("--kernel 1|1", "the kernel needs as many channels as the image, got 2 and 1"),
        ("--image 1,2;3", "image must have parts of equal size, got 2 and 1 numbers"),
        ("--image 1,,2", "image must be a number such as 3, -0.5 or 1/3, got ''"),
        ("--stride 0", "stride must be a whole number from 1 to 50, got '0'"),
        ("--stride x", "stride must be a whole number from 1 to 50, got 'x'"),
        ("--padding -1", "padding must be a whole number from 0 to 20, got '-1'"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Any, words: str, line: str) -> None:
    assert refuse("lesson", "convolution", *words.split()) == line

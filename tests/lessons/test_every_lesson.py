"""What holds for every lesson: two ways that agree, a figure, exercises that are checked, one line a mistake."""

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import assay
from assay import lessons
from assay.cli.lesson import LESSONS
from assay.lessons.paper.exercise import Exercise
from assay.lessons.paper.numbers import each, flat
from assay.lessons.paper.page import DisagreementError, Lesson, both
from tests.mistakes.saying import Say

Refuse = Callable[..., str]


def keyed(say: Say, name: str, seed: int = 0) -> list[str]:
    found: list[str] = json.loads(say("lesson", name, "--seed", seed, "--key", "--json").out)["key"]
    return found


def test_a_lesson_is_a_file_a_function_and_a_public_name(say: Say) -> None:
    assert sorted([*LESSONS, "Lesson"]) == sorted(lessons.__all__)
    assert assay.lessons is lessons
    listed = say("lesson", "list").out.splitlines()
    assert [line.split()[0] for line in listed] == list(LESSONS)
    for name in LESSONS:
        assert getattr(lessons, name) is LESSONS[name]


@pytest.mark.parametrize("name", LESSONS)
def test_the_page_and_its_json_say_the_same(say: Say, name: str) -> None:
    page, found = say("lesson", name), json.loads(say("lesson", name, "--json").out)
    assert page.code == 0
    assert page.out.startswith(f"{found['title']}\n\n{found['steps'][0]}")
    assert all(line in page.out for line in [*found["steps"], *found["exercises"], *found["results"]])
    assert page.out == f"{LESSONS[name]()}\n"
    assert all(one["apart_ulps"] <= one["allowed_ulps"] for one in found["results"].values())


@pytest.mark.parametrize("name", LESSONS)
def test_the_key_is_right_and_anything_else_is_not(say: Say, name: str) -> None:
    keys = keyed(say, name, 3)
    assert 2 <= len(keys) <= 4
    for number, key in enumerate(keys, 1):
        said = say("lesson", name, "--seed", 3, "--answer", f"{number}={key}")
        assert (said.code, said.out) == (0, f"{number}. {key}: right\n")
        told = LESSONS[name](seed=3).exercises[number - 1]
        wrong = {"true": "false", "false": "true"}.get(key) or replace(
            told, key=each(lambda one: one + 1, told.key)
        ).told()
        said = say("lesson", name, "--seed", 3, "--answer", f"{number}={wrong}")
        assert (said.code, said.out) == (1, f"{number}. {wrong}: wrong\n")


@pytest.mark.parametrize("name", LESSONS)
def test_students_get_different_numbers(name: str) -> None:
    handed = [LESSONS[name](seed=seed).exercises for seed in (0, 0, 1, 2, 3, 4)]
    asked = [tuple(one.question for one in exercises) for exercises in handed]
    assert asked[0] == asked[1]
    assert len(set(asked)) == 5
    assert len({tuple(one.told() for one in exercises) for exercises in handed}) >= 4


@pytest.mark.parametrize("name", LESSONS)
def test_it_can_be_drawn(say: Say, alone: Path, name: str) -> None:
    for ending in ("svg", "png"):
        said = say("lesson", name, "--out", f"drawn.{ending}")
        assert said.code == 0
        assert f"drawn.{ending}: {LESSONS[name]().sketch.words}" in said.err
    drawn = Path("drawn.svg").read_text("utf-8")
    assert drawn.count("<text") >= 5
    assert say("lesson", name, "--out", "drawn.svg", "--force").code == 0
    assert Path("drawn.svg").read_text("utf-8") == drawn


@pytest.mark.parametrize("name", LESSONS)
def test_a_wrong_result_cannot_be_taught(name: str) -> None:
    """Numbers of each result, each moved by a few of its ulps more than allowed."""
    lesson: Lesson = LESSONS[name]()
    for key, result in lesson.results.items():
        off = Fraction(result.ulps + 2) * Fraction(2) ** -50 * max(result.size, Fraction(1))
        for place in range(min(3, len(flat(result.paper)))):
            counter = iter(range(10**6))
            moved = each(lambda one, n=counter, at=place, by=off: Fraction(one) + by * (next(n) == at), result.paper)
            with pytest.raises(DisagreementError, match=name):
                replace(lesson, results={**lesson.results, key: replace(result, paper=moved)})


def test_shapes_and_numbers_that_are_none_disagree() -> None:
    assert not both((Fraction(1),), 1.0, 4).agrees
    assert not both(Fraction(1), float("nan"), 4).agrees
    assert both(Fraction(1, 10), 0.1, 1).agrees
    assert Exercise("", Fraction(1, 3), 4).right("0.3333")
    assert not Exercise("", Fraction(1, 3)).right("0.3333")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("gradien", "unknown lesson 'gradien'; there are list, "),
        ("gradient --w 1,x", "w must be a number such as 3, -0.5 or 1/3, got 'x'"),
        ("gradient --w 1/0,2", "w: division by zero in '1/0'"),
        ("gradient --w 1,2,3", "w and x must be equally long, got 3 and 2 numbers"),
        ("gradient --w 12345678901234567,1", "w: a number may have 16 signs, got '12345678901234567'"),
        ("gradient --seed -1", "seed must be a whole number from 0 to 999999999, got -1"),
        ("gradient --stride 2", "lesson has no option '--stride'; it has --w, --b, --x, "),
        ("gradient --answer 3", "--answer '3': write N=ANSWER, such as --answer 1=17/2"),
        ("gradient --answer 9=1", "--answer '9=1': there are exercises 1 to 3"),
        ("gradient --answer 1=one", "--answer 'one' must be a number such as 3, -0.5 or 1/3, got 'one'"),
        ("gradient --answer 1=1 --answer 1=2", "--answer: exercise 1 was answered twice"),
        ("gradient --out drawn.txt", "--out must end in .svg, .png, .pdf, got drawn.txt"),
        ("gradient --out none/drawn.svg", "--out none/drawn.svg: the folder none is not there"),
    ],
)
def test_a_mistake_is_answered_in_one_line(refuse: Refuse, alone: Path, words: str, line: str) -> None:
    assert refuse("lesson", *words.split()).startswith(line)


def test_a_figure_is_not_replaced_unasked(refuse: Refuse, alone: Path) -> None:
    Path("drawn.svg").write_text("mine")
    assert refuse("lesson", "gradient", "--out", "drawn.svg") == "drawn.svg is there already: --force replaces it"
    assert Path("drawn.svg").read_text() == "mine"

"""docs/lessons.md: its Python prints what it says, its commands run, its costs are those of the lessons."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from assay.cli.lesson import LESSONS
from assay.lessons import convolution, iterated_attack, loss, parameters, softmax_twice, threat_model
from tests.mistakes.saying import Say

PAGE = (Path(__file__).parents[2] / "docs" / "lessons.md").read_text("utf-8")
COMMANDS = re.findall(r"^ {4}assay (lesson .*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_run(say: Say, alone: Path, command: str) -> None:
    assert say(*shlex.split(command)).code == (1 if "--answer" in command else 0)


def test_its_python_prints_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    assert out.getvalue().startswith("((Fraction(5, 1),),)\n2×2 image, 2×2 kernel, stride 1, padding 0\n")


def test_every_lesson_is_in_its_table() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(LESSONS)


def test_its_costs_are_those_of_the_lessons() -> None:
    fit, plane = loss(), threat_model()
    told = [float(fit[name]) for name in ("loss", "loss after a step up", "loss after a step down")]
    assert f"from {told[0]} to {told[1]}, not to {told[2]}" in PAGE
    dogs = [plane["Pr(dog)"], min(plane["Pr(dog) in the corners"]), max(plane["Pr(dog) in the corners"])]
    assert "from {:.4f} to {:.4f}, where {:.4f} was".format(*dogs) in PAGE
    assert convolution(image="1,1,1,1;" * 3 + "1,1,1,1", kernel="1,0;0,1", stride=2)["output size"] == (2, 2)


def test_its_newer_costs_are_those_of_the_lessons() -> None:
    net, attack, trained = parameters(), iterated_attack(), softmax_twice()
    shares = [f"{float(100 * net[f'shares of {what}'][0]):.2f} %" for what in ("parameters", "outputs")]
    assert "convolutions get {} of a network of which they have {} |".format(*shares) in PAGE
    assert f"after {attack['fooled after, wrong']} steps, it says" in PAGE
    assert (
        f"at linf 0.025 nothing is fooled, where {attack['fooled after, right, linf 0.025']} right steps fool" in PAGE
    )
    assert (attack["verdict at linf 0.005, wrong"], attack["verdict at linf 0.025, wrong"]) == (2, 0)  # fault, robust
    ends = [trained[f"loss, doubled loss, Pr(label) at the end{name}"][2] for name in (", doubled", "")]
    told = "above {:.4f}; after 50 steps Pr(label) is {:.4f}, not {:.4f}".format(trained["doubled loss, least"], *ends)
    assert told in PAGE

"""What a reader of the file is promised: one signature, a source, settings with types and defaults that are heard."""

import importlib
import inspect
import re
import typing
from dataclasses import replace
from typing import Any

import torch

from assay.attacks import Facts, Kind
from assay.spec import Call
from tests.contracts.play import Played, another_noise, away, facts, having, play, settings, threat
from tests.contracts.worlds import SHAPE, Flat, Stubborn, chosen, small_net

SIGNATURE = ["victim", "images", "goal", "threat", "draws"]
EPS = 0.2


def check_has_the_signature_of_all(call: Call) -> None:
    """attack(victim, images, goal, threat, draws, *, settings) with types, and a default for each setting."""
    parameters = inspect.signature(call.function).parameters.values()
    positional = [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    assert positional == SIGNATURE, f"it takes {positional}"
    hints = typing.get_type_hints(call.function, include_extras=True)
    for name, parameter in settings(call).items():
        assert parameter.default is not parameter.empty, f"{name} has no default"
        assert name in hints, f"{name} has no type"


def check_has_facts(call: Call) -> None:
    """Its kind, access, norms and promise are possible ones."""
    found = facts(call)
    assert isinstance(found, Facts)
    assert found.kind in typing.get_args(Kind)
    assert found.norms, "it knows no norm"
    assert set(found.oracle_factor or {}) <= set(found.norms), "it promises for a norm that it does not know"
    assert all(1 < factor <= 2 for factor in (found.oracle_factor or {}).values()), "a promise worth nothing"
    silent = found.kind in ("control", "fitted")
    assert silent == (found.oracle_factor is None), "an attack promises something, a control or a fitted one nothing"


def check_is_named_like_its_file_and_cites_its_source(call: Call) -> None:
    """And its docstring names an arXiv id, unless it is a control."""
    assert call.function.__name__ == call.name
    assert call.function.__module__.rpartition(".")[2] == call.name, f"it lives in {call.function.__module__}"
    module = importlib.import_module(call.function.__module__)
    text = f"{module.__doc__}\n{call.function.__doc__}"
    assert module.__doc__, "the file says nothing of itself"
    assert call.function.__doc__, "the function says nothing of itself"
    cited = re.search(r"arXiv \d{4}\.\d{4,5}", text)
    assert cited or (facts(call).kind == "control" and "control" in text), "no arXiv id, and no control"


def check_makes_as_many_steps_as_it_is_told(call: Call) -> None:
    """More steps, more passes; and not more passes than steps, but for a few.

    One that looks for the smallest change may see each step twice, to measure it in float32, and start from another's;
    one that sees labels only has more to ask in a step.
    """
    if "steps" in settings(call):
        few, many = (_flat(having(call, steps=steps)).forwards / 4 for steps in (3, 9))
        assert many - few >= 6, f"{few} passes for 3 steps, {many} for 9"
        if facts(call).access == "labels":
            return
        minimum = facts(call).kind == "minimum"
        for restarts in (1, 2, 3):
            made = _flat(having(call, steps=6, restarts=restarts, searches=1)).forwards / 4
            told = restarts if "restarts" in settings(call) else 1
            most = 2 * 6 * told + 10 if minimum else 6 * told + 2 * told
            assert made <= most, f"{made} passes for 6 steps and {told} restarts"


def check_hears_each_of_its_settings(call: Call) -> None:
    """Another value, another answer: other points, or other passes."""
    call = call if "steps" in call.settings else having(call, steps=20)
    for name, parameter in settings(call).items():
        hint = typing.get_type_hints(call.function, include_extras=True)[name]
        value = call.settings.get(name, parameter.default)
        given = another_noise(SHAPE) if facts(call).kind == "fitted" else _another(value, hint)
        other = replace(call, settings={**call.settings, name: given})
        heard = any(_differ(_answers(call, norm), _answers(other, norm)) for norm in facts(call).norms)
        assert heard, f"{other} does the same as {call}"


def check_goes_to_the_end_when_told(call: Call) -> None:
    """until="end" spends as much on images that are fooled at once as on those that never are."""
    if "steps" in settings(call):
        images = chosen(4)
        for norm in facts(call).norms:
            never = away(Stubborn(), images, until="end")
            at_once = replace(
                never, classes=torch.full((4,), 2)
            )  # another class than is predicted: won before it began
            runs = [play(call, Stubborn(), images, goal, threat(norm, EPS)) for goal in (never, at_once)]
            minimum = facts(call).kind == "minimum"  # it has claims to confirm, and finds that nothing is enough
            same = runs[1].forwards >= runs[0].forwards if minimum else runs[0].forwards == runs[1].forwards
            assert same and runs[0].backwards == runs[1].backwards, f"{norm}: it left when fooled"  # noqa: PT018
            still = (runs[not minimum].points == images).flatten(1).all(1)
            assert not still.any(), f"{norm}: an image stayed where it was"


def _differ(some: list[Played], others: list[Played]) -> bool:
    return any(
        (a.forwards, a.backwards) != (b.forwards, b.backwards) or not torch.equal(a.points, b.points)
        for a, b in zip(some, others, strict=True)
    )


def _flat(call: Call) -> Played:
    return play(call, Flat(), chosen(4), away(Flat(), chosen(4), until="end"), threat(facts(call).norms[0], EPS))


def _answers(call: Call, norm: str) -> list[Played]:
    images, budget = chosen(4), threat(norm, EPS)
    worlds = [(net, away(net, images, until=until)) for net in (Stubborn(), small_net()) for until in ("fooled", "end")]
    return [*(play(call, net, images, goal, budget) for net, goal in worlds), _flat(call)]


def _another(default: Any, hint: Any) -> Any:
    if isinstance(default, bool):
        return not default
    if isinstance(default, int):
        return default + 2 if default < 5 else 1  # of the classes of a small network there are no more than few
    if isinstance(default, float):
        return default / 3 or EPS
    options = [option for part in (hint, *typing.get_args(hint)) for option in typing.get_args(part)]
    if default is None and float in (hint, *options, *typing.get_args(hint)):
        return EPS / 100
    texts = [option for option in options if isinstance(option, str) and option != default]
    assert texts, f"the contract knows no other value than {default!r} for {hint}: teach it one"
    return texts[0]

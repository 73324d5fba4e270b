"""What an attack must leave as it was, what it may ask, and that its failures are seen."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import config
from torch import nn

from assay.adversary.goal import untargeted
from assay.adversary.victim import ACCESS, Victim
from assay.chance import Draws
from assay.spec import Call
from tests.contracts.play import away, facts, having, judged, labels_of, play, ready, scramble, settings, threat
from tests.contracts.worlds import SHAPE, Brittle, Gradientless, Lopsided, Meter, Stubborn, chosen, lit, small_net

EPS = 0.1


def check_leaves_the_callers_tensors_alone(call: Call) -> None:
    """Images, classes, the index of the draws and eps: neither written to nor written back."""
    images, net = chosen(6), small_net()
    goal, index = away(net, images), torch.arange(6) + 40
    for norm in facts(call).norms:
        budget = threat(norm, np.full(6, EPS))
        given = {"images": images, "classes": goal.classes, "index": index, "eps": budget.eps}
        before = {name: (tensor.clone(), tensor._version) for name, tensor in given.items()}
        play(call, net, images, goal, budget, index=index)
        for name, tensor in given.items():
            assert torch.equal(tensor, before[name][0]), f"{norm}: the caller's {name} changed"
            assert tensor._version == before[name][1], f"{norm}: the caller's {name} were written to"


def check_leaves_global_chance_alone(call: Call) -> None:
    """torch, numpy and python draw next what they would have drawn."""
    images, net = chosen(6), small_net()
    goal = away(net, images)
    for norm in facts(call).norms:
        scramble()
        before = _generators()
        with _unchecked(), Victim(net, access=facts(call).access) as victim:
            ready(call, images)(victim, images, goal, threat(norm, EPS), Draws(3, torch.arange(6)))
        for name, state in _generators().items():
            assert state == before[name], f"{norm}: {name}'s global generator was used or seeded"


def check_leaves_the_classifier_alone(call: Call) -> None:
    """Weights, buffers, modes, gradients, hooks: inside the victim, and the caller's after it."""
    images, net = chosen(6), small_net()
    outside = _state(net)
    goal = away(net, images)
    for norm in facts(call).norms:
        with Victim(net, access=facts(call).access) as victim:
            inside = _state(net)
            ready(call, images)(victim, images, goal, threat(norm, EPS), Draws(3, torch.arange(6)))
            _same(inside, _state(net), f"{norm}: during the attack")
        _same(outside, _state(net), f"{norm}: after the attack")


def check_leaves_the_classifier_alone_when_it_fails(call: Call) -> None:
    """The same when the classifier raises, at the first question or a later one."""
    images, net = chosen(6), small_net()
    goal = untargeted(torch.zeros(6, dtype=torch.int64))
    for fail_at in (0, 6):
        failing = Meter(net, fail_at)
        outside = _state(failing)
        scramble()
        generators = _generators()
        told = None
        try:
            with _unchecked(), Victim(failing, access=facts(call).access, micro_batch=2) as victim:
                ready(call, images)(victim, images, goal, threat(facts(call).norms[0], EPS), Draws(3, torch.arange(6)))
        except RuntimeError as error:
            told = str(error)
        failed = failing.forwards > fail_at
        assert told == ("the classifier failed" if failed else None), f"the error was swallowed or replaced: {told}"
        _same(outside, _state(failing), "after an error")
        assert _generators() == generators, "after an error: a global generator was used or seeded"


def check_asks_no_more_than_it_says(call: Call) -> None:
    """It works with the access among its facts, and with less it is refused."""
    images, net = chosen(4), small_net()
    goal, budget = away(net, images), threat(facts(call).norms[0], EPS)
    try:
        play(call, net, images, goal, budget)
    except PermissionError as error:
        raise AssertionError(f"it declares {facts(call).access}, and yet {error}") from None
    for less in ACCESS[: ACCESS.index(facts(call).access)]:
        try:
            play(call, net, images, goal, budget, access=less)
        except PermissionError:
            continue
        raise AssertionError(f"it declares {facts(call).access}, and yet {less} were enough")


def check_asks_through_the_victim_only(call: Call) -> None:
    """Every pass of the classifier is on the victim's bill."""
    images, meter = chosen(6), Meter(small_net())
    goal = away(meter, images)
    meter.forwards = meter.backwards = 0
    bill = play(call, meter, images, goal, threat(facts(call).norms[0], EPS), micro_batch=1)
    assert meter.forwards == bill.forwards, f"{meter.forwards} forwards made, {bill.forwards} told to the victim"
    assert meter.backwards == bill.backwards, f"{meter.backwards} backwards made, {bill.backwards} told to the victim"


def check_logits_of_nan_are_a_fault(call: Call) -> None:
    """A classifier that answers NaN to what it was shown is neither robust nor broken."""
    images, classifier = chosen(6), Brittle()
    for norm in facts(call).norms:
        verdict = judged(call, classifier, images, away(classifier, images), threat(norm, EPS))
        assert (verdict == "fault").all(), f"{norm}: verdicts {set(verdict)} on logits of NaN"


def check_no_restart_hides_nan(call: Call) -> None:
    """Logits of NaN in one of several restarts are a fault, before and after restarts without."""
    if "restarts" in settings(call):
        images, classifier = torch.full((6, *SHAPE), 0.5), Lopsided()
        for norm in facts(call).norms:
            goal, repeated = untargeted(torch.zeros(6, dtype=torch.int64)), having(call, restarts=12, steps=10)
            verdict = judged(repeated, classifier, images, goal, threat(norm, EPS))
            assert (verdict == "fault").all(), f"{norm}: verdicts {set(verdict)} where some restarts gave NaN"


def check_gradients_of_nan_are_a_fault(call: Call) -> None:
    """A gradient of NaN is no sign of robustness; images with a gradient are judged as ever."""
    if facts(call).access == "gradients":
        images, classifier = chosen(8), Gradientless()
        dark = ~lit(images).numpy()
        assert 0 < dark.sum() < len(dark)
        for norm in facts(call).norms:
            verdict = judged(call, classifier, images, away(Stubborn(), images), threat(norm, EPS))
            assert (verdict[~dark] == "fault").all(), f"{norm}: verdicts {set(verdict[~dark])} on gradients of NaN"
            assert (verdict[dark] == "robust").all(), f"{norm}: verdicts {set(verdict[dark])} on its neighbours"


def check_takes_no_images_at_all(call: Call) -> None:
    """Of a shard, none may be left to attack."""
    net = small_net()
    nothing = chosen(1)[:0]
    for norm in facts(call).norms:
        goal = away(net, nothing)
        assert len(judged(call, net, nothing, goal, threat(norm, EPS))) == 0
    assert len(labels_of(net, nothing)) == 0


@contextmanager
def _unchecked() -> Iterator[None]:
    """Without the type checker of the tests, which itself uses python's global generator."""
    before = config.jaxtyping_disable
    try:
        config.update("jaxtyping_disable", True)
        yield
    finally:
        config.update("jaxtyping_disable", before)


def _generators() -> dict[str, Any]:
    name, keys, *rest = np.random.get_state()
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (name, keys.tobytes(), *rest),
        "python": random.getstate(),
    }


def _state(net: nn.Module) -> dict[str, Any]:
    """Everything that an attack could leave on a module, by name."""
    seen: dict[str, Any] = {}
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        seen[f"{name} itself"] = id(tensor)
        seen[f"values of {name}"] = tensor.detach().clone()
        seen[f"requires_grad of {name}"] = tensor.requires_grad
        seen[f".grad of {name}"] = None if tensor.grad is None else tensor.grad.clone()
    for name, part in net.named_modules():
        seen[f"mode of {name or 'the module'}"] = part.training
        seen[f"attributes of {name or 'the module'}"] = sorted(vars(part))
        for attribute, value in vars(part).items():
            if "hooks" in attribute:
                seen[f"{attribute.strip('_')} of {name or 'the module'}"] = list(value)
    return seen


def _same(before: dict[str, Any], after: dict[str, Any], when: str) -> None:
    assert before.keys() == after.keys(), f"{when}: {sorted(before.keys() ^ after.keys())} came or went"
    for name, value in before.items():
        unchanged = torch.equal(value, after[name]) if isinstance(value, torch.Tensor) else value == after[name]
        assert unchanged, f"{when}: {name} changed"

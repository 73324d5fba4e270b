"""How a contract check calls an attack: on a victim, with global chance in a state that no attack can have guessed."""

import inspect
import itertools
import random
import tempfile
import time
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from assay.adversary.goal import Goal, targeted, untargeted
from assay.adversary.threat import THREATS, Threat
from assay.adversary.victim import Access, Precision, Victim
from assay.attacks import Facts
from assay.chance import Draws
from assay.evaluate.judge import judge
from assay.spec import Call

_ODD = itertools.count(time.time_ns() % (1 << 30) * 2 + 1, 2)
MICRO_BATCH = 16
FOLDER = tempfile.TemporaryDirectory()


@dataclass(frozen=True)
class Played:
    points: Tensor
    forwards: int
    backwards: int


def play(
    call: Call,
    classifier: nn.Module,
    images: Tensor,
    goal: Goal,
    threat: Threat,
    *,
    seed: int = 7,
    index: Tensor | None = None,
    access: Access | None = None,
    precision: Precision = "float32",
    micro_batch: int = MICRO_BATCH,
) -> Played:
    """Run an attack as an evaluation does, which does not tell eps to one that looks for the smallest."""
    scramble()
    draws = Draws(seed, torch.arange(len(images)) if index is None else index)
    access = facts(call).access if access is None else access
    threat = threat.at(None) if facts(call).kind == "minimum" else threat
    with Victim(classifier, access=access, precision=precision, micro_batch=micro_batch) as victim:
        points = ready(call, images)(victim, images, goal, threat, draws)
    return Played(points, victim.forwards, victim.backwards)


def ready(call: Call, images: Tensor) -> Call:
    """The call as it can be made: what replays a noise is given one for images of that shape."""
    if facts(call).kind != "fitted":
        return call
    return replace(call, settings={"delta": noise_file(tuple(images.shape[1:])), **call.settings})


@lru_cache
def noise_file(shape: tuple[int, ...], seed: int = 0) -> str:
    """A file with a large noise; it goes when the tests end."""
    noise = 2 * Draws(seed, torch.zeros(1, dtype=torch.int64)).uniform(shape, "noise of the contract")[0] - 1
    file = f"{FOLDER.name}/{'x'.join(map(str, shape))}-{seed}.safetensors"
    safetensors.torch.save_file({"delta": noise}, file)
    return file


def another_noise(shape: tuple[int, ...]) -> str:
    """A file with another noise than `ready` gives."""
    return noise_file(shape, seed=1)


def verdicts(call: Call, classifier: nn.Module, images: Tensor, goal: Goal, threat: Threat, points: Tensor) -> Any:
    """What the judge says of each point."""
    with Victim(classifier, access="scores", micro_batch=MICRO_BATCH) as victim:
        return judge(victim, images, goal, threat, points, facts(call).kind).verdict


def judged(call: Call, classifier: nn.Module, images: Tensor, goal: Goal, threat: Threat, **how: Any) -> Any:
    """Run an attack, and what the judge says of it."""
    points = play(call, classifier, images, goal, threat, **how).points
    return verdicts(call, classifier, images, goal, threat, points)


def labels_of(classifier: nn.Module, images: Tensor) -> Tensor:
    """The classes that the classifier predicts, taken for the right ones."""
    with Victim(classifier, access="labels", micro_batch=MICRO_BATCH) as victim:
        return victim.labels(images)


def away(classifier: nn.Module, images: Tensor, **how: Any) -> Goal:
    """Away from what the classifier predicts."""
    return untargeted(labels_of(classifier, images), **how)


def to(target: int, images: Tensor, **how: Any) -> Goal:
    """Every image toward one class."""
    return targeted(torch.full((len(images),), target), **how)


def threat(norm: str, eps: float | np.ndarray | Tensor) -> Threat:
    """A threat with the pixel box; eps may be one for each image."""
    return THREATS[norm](torch.from_numpy(eps) if isinstance(eps, np.ndarray) else eps)


def facts(call: Call) -> Facts:
    found: Facts = call.function.facts  # type: ignore[attr-defined]
    return found


def settings(call: Call) -> dict[str, inspect.Parameter]:
    """The attack's own settings."""
    parameters = inspect.signature(call.function).parameters.values()
    return {parameter.name: parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}


def having(call: Call, **wanted: Any) -> Call:
    """The same attack with those of the settings that it has."""
    own = settings(call)
    return replace(call, settings={**call.settings, **{name: value for name, value in wanted.items() if name in own}})


def scramble() -> None:
    """Put every global generator into a fresh state: an attack that left it as another had is found out."""
    seed = next(_ODD) % (1 << 32)
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)

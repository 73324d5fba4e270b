"""Anybody's attack: a callable (model, images, labels[, eps]) -> images, or an object such as torchattacks has them."""

import copy
import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from assay.files import fault

EPS_NAMES = ("eps", "epsilon", "epsilons", "max_eps", "budget")
STEPS_NAMES = ("steps", "n_steps", "num_steps", "nb_iter", "num_iter", "iters", "iterations", "max_iter", "n_iter")
ALLOWED = "an attack is called with (model, images, labels) or (model, images, labels, eps)"


@dataclass(frozen=True)
class Yours:
    """The callable, how it is called, and what it says of itself.

    eps: the number that it has of its own, None if it has none. hears_eps: whether it can be told another.
    steps: the same of its number of steps, with the name of that setting.
    """

    name: str
    call: Callable[[nn.Module, Tensor, Tensor, dict[str, Any]], Any]
    eps: float | None = None
    hears_eps: bool = False
    steps_name: str | None = None
    steps: int | None = None
    takes_targeted: bool = False

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        labels: Tensor,
        eps: float | None = None,
        steps: int | None = None,
        targeted: bool = False,
    ) -> Any:
        """What it returns, whatever that is."""
        told: dict[str, Any] = {}
        if self.hears_eps and eps is not None:
            told["eps"] = eps
        if self.steps_name and steps is not None:
            told["steps"] = steps
        if targeted:
            told["targeted"] = True
        return self.call(model, images, labels, told)


def yours(given: Any, name: str) -> Yours:
    """Whatever a user hands in, made callable in one way. ValueError if it cannot be."""
    if not callable(given):
        raise ValueError(f"{name} is no function: {ALLOWED}, got {type(given).__name__}")
    if not isinstance(given, type) and isinstance(getattr(given, "model", None), nn.Module):
        return _from_object(lambda model: _moved(given, model), given, name)
    needed = _needed(given, name)
    if len(needed) == 1:
        try:
            probe = given(nn.Flatten())
        except (Exception, SystemExit) as error:
            raise ValueError(f"{name}(model) failed: {fault(error)}") from error
        if not callable(probe):
            raise ValueError(f"{name}(model) returns {type(probe).__name__}: {ALLOWED}")
        return _from_object(given, probe, name)
    if not 3 <= len(needed) <= 4:
        raise ValueError(f"{name} needs {len(needed)} values ({', '.join(needed) or 'none'}): {ALLOWED}")
    return _from_function(given, needed, name)


def as_images(answer: Any, images: Tensor) -> Tensor | None:
    """What an attack has returned, as a tensor like the images; None if it is none, or of another shape."""
    if isinstance(answer, np.ndarray) and answer.dtype.kind in "fiub":
        answer = torch.from_numpy(np.ascontiguousarray(answer))  # no view that runs backwards, which torch has not
    if not isinstance(answer, Tensor) or answer.shape != images.shape or answer.is_complex():
        return None
    return answer.detach().to(images)


@contextmanager
def seeded_everywhere(seed: int) -> Iterator[None]:
    """Every global generator seeded, and given back as it was, with what else of torch is global."""
    python, numbers, dtype = random.getstate(), np.random.get_state(), torch.get_default_dtype()
    with torch.random.fork_rng(), torch.enable_grad():
        try:
            torch.manual_seed(seed)
            np.random.seed(seed % (1 << 32))
            random.seed(seed)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numbers)
            torch.set_default_dtype(dtype)


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """Weights and buffers are afterwards what they were, and so are the gradients of the weights."""
    own = [
        (part, name, tensor, tensor.detach().clone(), None if tensor.grad is None else tensor.grad.clone())
        for part in module.modules()
        for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False))
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for part, name, tensor, value, gradient in own:
                if getattr(part, name) is not tensor:
                    setattr(part, name, tensor)
                tensor.copy_(value)
                tensor.grad = gradient


def _needed(function: Any, name: str) -> list[str]:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise ValueError(f"{name} does not say what it takes: {ALLOWED}") from None
    positional = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    silent = (*EPS_NAMES, *STEPS_NAMES)
    named = [each for each in parameters if each.kind is each.KEYWORD_ONLY and each.name not in silent]
    if lost := [each.name for each in named if each.default is each.empty]:
        raise ValueError(f"{name} needs {lost[0]}, which nobody tells it: {ALLOWED}")
    return [each.name for each in positional if each.default is each.empty]


def _from_function(function: Any, needed: list[str], name: str) -> Yours:
    parameters = inspect.signature(function).parameters
    fourth = needed[3] if len(needed) == 4 else None
    eps_name = fourth or next((known for known in EPS_NAMES if known in parameters), None)
    steps_name = next((known for known in STEPS_NAMES if known in parameters), None)
    eps = None if fourth or eps_name is None else parameters[eps_name].default
    steps = parameters[steps_name].default if steps_name else None

    def call(model: nn.Module, images: Tensor, labels: Tensor, told: dict[str, Any]) -> Any:
        named = {str({"eps": eps_name, "steps": steps_name}.get(key, key)): value for key, value in told.items()}
        if fourth:
            return function(model, images, labels, named.pop(fourth), **named)
        return function(model, images, labels, **named)

    return Yours(
        name,
        call,
        float(eps) if isinstance(eps, int | float) and not isinstance(eps, bool) else None,
        eps_name is not None,
        steps_name if type(steps) is int else None,
        steps if type(steps) is int else None,
        "targeted" in parameters,
    )


def _from_object(make: Callable[[nn.Module], Any], probe: Any, name: str) -> Yours:
    """An object bound to a model, called with (images, labels); its numbers are attributes."""
    eps = next((known for known in EPS_NAMES if isinstance(getattr(probe, known, None), int | float)), None)
    steps = next((known for known in STEPS_NAMES if type(getattr(probe, known, None)) is int), None)

    def call(model: nn.Module, images: Tensor, labels: Tensor, told: dict[str, Any]) -> Any:
        attack = make(model)
        for key, attribute in (("eps", eps), ("steps", steps)):
            if key in told and attribute:
                setattr(attack, attribute, told[key])
        return attack(images, labels)

    own = float(getattr(probe, eps)) if eps else None
    return Yours(name, call, own, eps is not None, steps, getattr(probe, steps) if steps else None)


def _moved(attack: Any, model: nn.Module, depth: int = 3) -> Any:
    """A copy of the object, and of the attacks inside it, that asks another model."""
    moved = copy.copy(attack)
    for name, value in list(vars(attack).items()):
        if name == "model":
            vars(moved)[name] = model
        elif depth and isinstance(getattr(value, "model", None), nn.Module):
            vars(moved)[name] = _moved(value, model, depth - 1)
        elif depth and isinstance(value, list | dict):
            pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
            fresh = {
                key: _moved(part, model, depth - 1) if isinstance(getattr(part, "model", None), nn.Module) else part
                for key, part in pairs
            }
            vars(moved)[name] = fresh if isinstance(value, dict) else list(fresh.values())
    return moved

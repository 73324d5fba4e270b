"""Anybody's attack at the same table: FILE.py:FUNCTION, asked through the same victim, judged by the same judge."""

import contextlib
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay import spec
from assay.adversary.goal import Goal
from assay.adversary.threat import THREATS, Threat
from assay.adversary.victim import Victim
from assay.adversary.yours import Yours, as_images, kept, seeded_everywhere, yours
from assay.attacks import ATTACKS, Facts
from assay.chance import Draws, derive
from assay.files import fault
from assay.user_code import blame, from_file


def read_attacks(texts: Iterable[str]) -> tuple[spec.Call, ...]:
    """The attacks that are named: those of this house with their settings, or FILE.py:FUNCTION, which is run."""
    guests: dict[tuple[Path, str], spec.Call] = {}

    def read(text: str) -> spec.Call:
        if ".py:" not in text:
            return spec.read(text, ATTACKS, "attack")
        path, _, name = text.rpartition(":")
        own = (Path(path).resolve(), name)  # the same function, however its file is called
        if own not in guests:
            guests[own] = guest(text)
        return replace(guests[own], name=text)

    return spec.read_all(texts, read, "attack")


def guest(text: str) -> spec.Call:
    """A callable (model, images, labels[, eps]) -> images, or an object that torchattacks would make, as an attack.

    It is told the eps of the threat if it can be; one that knows no eps is judged at each eps as a search for the
    smallest change is. The model that it gets is held in eval mode. Its chance is seeded by the seed and its images.
    """
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
        own = yours(from_file(text, "attack"), text)

    def attack(
        victim: Victim, images: Float[Tensor, "B C H W"], goal: Goal, threat: Threat, draws: Draws
    ) -> Float[Tensor, "B C H W"]:
        if goal.targeted and not own.takes_targeted:
            raise ValueError(f"{text} has no parameter 'targeted': it can be run with --goal untargeted only")
        assert not isinstance(threat.eps, Tensor)
        if not len(images):
            return images.clone()
        chance = seeded_everywhere(derive(draws.seed, "guest", *draws.index[:1].tolist()))
        with chance, kept(victim.classifier), contextlib.redirect_stdout(sys.stderr):
            try:
                answer = own(Asked(victim), images.clone(), goal.classes.clone(), threat.eps, targeted=goal.targeted)
            except (Exception, SystemExit) as error:
                raise ValueError(f"{text} failed: {blame(error) or fault(error)}") from error
        points = as_images(answer, images)
        return torch.full_like(images, torch.nan) if points is None else points  # the judge calls it a fault

    told = own.hears_eps or own.eps is not None
    attack.facts = Facts("budget" if told else "minimum", "gradients", tuple(THREATS), None)  # type: ignore[attr-defined]
    return spec.Call(text, attack, {})


class Asked(nn.Module):
    """The victim as a plain module, as everybody else's attacks want a model: in eval mode, every pass counted."""

    def __init__(self, victim: Victim) -> None:
        super().__init__()
        self.classifier = victim.classifier
        self.counts = [victim]  # in a list: no module of this one
        self.training = False

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K"]:
        (victim,) = self.counts
        victim.forwards += len(images)
        logits: Tensor = self.classifier(images)
        if logits.requires_grad:
            logits.register_hook(lambda gradient: _count(victim, gradient))
        return logits

    def train(self, mode: bool = True) -> "Asked":  # noqa: ARG002
        """Itself, in eval mode: a model that is evaluated does not learn."""
        return self


def _count(victim: Victim, gradient: Tensor) -> None:
    victim.backwards += len(gradient)


def house(call: spec.Call, norm: str) -> Yours:
    """The other way about: an attack of this house as a callable (model, images, labels, eps), for the doctor."""
    facts: Facts = call.function.facts  # type: ignore[attr-defined]
    steps = {**spec.defaults(call.function), **call.settings}.get("steps")

    def run(model: nn.Module, images: Tensor, labels: Tensor, told: dict[str, Any]) -> Tensor:
        settings = {**call.settings, **({"steps": told["steps"]} if "steps" in told else {})}
        goal = Goal(labels, bool(told.get("targeted")))
        threat = THREATS[norm](None if facts.kind == "minimum" else told["eps"])
        draws = Draws(int(torch.randint(1 << 31, ())), torch.arange(len(images)))
        with Victim(model, access=facts.access) as victim:
            points: Tensor = call.function(victim, images, goal, threat, draws, **settings)
        return points

    spends = facts.kind != "minimum"
    return Yours(str(call), run, None, spends, "steps" if steps else None, steps)

"""How the enemy does it: one attack in one file, one plain function named like the file.

    attack(victim, images, goal, threat, draws, *, settings) -> images

It climbs `goal.score`, moves as `threat` allows, draws from `draws`, and returns images only: whether they fool
anybody is for the judge to say.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from assay.adversary.victim import Access
from assay.spec import Folder

Attack = TypeVar("Attack", bound=Callable[..., Any])
Kind = Literal["budget", "minimum", "control", "fitted"]
ATTACKS = Folder("assay.attacks")


@dataclass(frozen=True)
class Facts:
    """What an attack says of itself; the contract tests hold it to that.

    kind: "budget" spends an eps, "minimum" looks for the smallest, "control" is what an attack must beat, "fitted"
    replays what was fitted elsewhere, on other images.
    access: what it asks of the victim. norms: those it has been written for.
    oracle_factor: for each norm, at which multiple of the exact smallest eps it breaks a linear classifier, whatever
    the image. In a norm that is left out it promises its largest factor where the box is out of reach. Empty: no
    factor, of an attack all the same. None: nothing, of a control and of what was fitted.
    """

    kind: Kind
    access: Access
    norms: tuple[str, ...]
    oracle_factor: Mapping[str, float] | None


def attack(
    kind: Kind,
    access: Access,
    norms: tuple[str, ...],
    oracle_factor: Mapping[str, float] | None = None,
) -> Callable[[Attack], Attack]:
    """Put the facts beside the function, as `function.facts`."""

    def with_facts(function: Attack) -> Attack:
        function.facts = Facts(kind, access, norms, oracle_factor)  # type: ignore[attr-defined]
        return function

    return with_facts

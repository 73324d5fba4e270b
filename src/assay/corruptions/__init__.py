"""What the world does to pictures, and no enemy: one corruption in one file, one plain function named like the file.

    corruption(images, draws, amount) -> images

It returns images of [0, 1], each by its own chance and none by its neighbours'; at amount 0 they are as they were. The
`facts` beside a function say which amounts are strength 1 to 5, in a unit that holds for images of any size.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from jaxtyping import Float
from torch import Tensor

from assay.chance import Draws
from assay.spec import Folder

Corruption = TypeVar("Corruption", bound=Callable[..., Any])
CORRUPTIONS = Folder("assay.corruptions", helpers=("moved",))
STRENGTHS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Facts:
    """amounts: those of strength 1 to 5, ascending. unit: what an amount is."""

    amounts: tuple[float, float, float, float, float]
    unit: str


def corruption(amounts: tuple[float, float, float, float, float], unit: str) -> Callable[[Corruption], Corruption]:
    """Put the facts beside the function, as `function.facts`."""

    def with_facts(function: Corruption) -> Corruption:
        function.facts = Facts(amounts, unit)  # type: ignore[attr-defined]
        return function

    return with_facts


def facts(name: str) -> Facts:
    """What a corruption says of itself."""
    found: Facts = CORRUPTIONS[name].facts  # type: ignore[attr-defined]
    return found


def corrupt(name: str, images: Float[Tensor, "B C H W"], draws: Draws, strength: int) -> Float[Tensor, "B C H W"]:
    """Images of [0, 1] under one corruption at strength 0 (as they are) to 5."""
    amount = facts(name).amounts[strength - 1] if strength else 0.0
    found: Tensor = CORRUPTIONS[name](images, draws, amount)
    return found


def described() -> list[dict[str, Any]]:
    """For config.json: name, amounts and unit of each."""
    return [{"name": name, "amounts": list(facts(name).amounts), "unit": facts(name).unit} for name in CORRUPTIONS]

"""What the network looks at, and what it is made of: one file for each method, with one function named like it.

method(victim, images, labels, *, settings) -> Explanation
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from jaxtyping import Int64, Shaped
from torch import Tensor

from assay.spec import Folder

Access = Literal["gradients", "scores", "weights"]
Kind = Literal["maps", "filters", "activations"]
Method = TypeVar("Method", bound=Callable[..., Any])
EXPLAIN = Folder("assay.explain")


@dataclass(frozen=True)
class Facts:
    """What a method says of itself.

    access: what it asks of the victim; "weights" looks inside. kind: what its maps are, and so who draws them:
    "maps" `(B, h, w)` of the images, "filters" `(N, C, h, w)` of a layer, "activations" `(B, N, h, w)` of layers.
    """

    access: Access
    kind: Kind

    @property
    def of_images(self) -> bool:
        """Whether it explains images; what it finds in the weights alone is the same for all of them."""
        return self.kind != "filters"


@dataclass(frozen=True)
class Explanation:
    """Named maps with their absolute values, in the order in which they are drawn, and words about them.

    explained: of "maps", the class of each image that they are about. A map called "class" holds predicted classes;
    all others hold numbers in `unit`. words: lines for the command line and for the report.
    """

    maps: dict[str, Shaped[Tensor, "..."]]
    unit: str
    explained: Int64[Tensor, "B"] | None = None
    words: tuple[str, ...] = ()


def method(access: Access, kind: Kind) -> Callable[[Method], Method]:
    """Put the facts beside the function, as `function.facts`."""

    def with_facts(function: Method) -> Method:
        function.facts = Facts(access, kind)  # type: ignore[attr-defined]
        return function

    return with_facts

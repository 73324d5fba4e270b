"""What the network looks at, and what it is made of: one file for each method, with one function named like it.

method(victim, images, labels, *, settings) -> Explanation

A method of kind "maps" has the setting `of`: which class it explains.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor

from assay.spec import AtLeast, Folder

if TYPE_CHECKING:
    from assay.adversary.victim import Victim

Access = Literal["gradients", "scores", "weights"]
Kind = Literal["maps", "filters", "activations", "class_images"]
Important = Literal["high", "low", "size"]
Of = Literal["predicted", "label"] | Annotated[int, AtLeast(0)]
Method = TypeVar("Method", bound=Callable[..., Any])
EXPLAIN = Folder("assay.explain")


@dataclass(frozen=True)
class Facts:
    """What a method says of itself.

    access: what it asks of the victim; "weights" looks inside. kind: what its maps are, and so who draws them:
    "maps" `(B, h, w)` of the images, "filters" `(N, C, h, w)` of a layer, "activations" `(B, N, h, w)` of layers,
    "class_images" `(N, C, h, w)` of classes.
    important: where a map says that the answer hangs on a place: where it is high, low, or far from 0.
    """

    access: Access
    kind: Kind
    important: Important = "high"

    @property
    def of_images(self) -> bool:
        """Whether it explains images; what it finds in the weights alone is the same for all of them."""
        return self.kind in ("maps", "activations")


@dataclass(frozen=True)
class Explanation:
    """Named maps with their absolute values, in the order in which they are drawn, and words about them.

    explained: of "maps", the class of each image that they are about. The first map is the method's own; one called
    "class" holds predicted classes; all others hold numbers in `unit`. words: lines for the command line and report.
    beside: other arrays, which tell of the maps.
    """

    maps: dict[str, Shaped[Tensor, "..."]]
    unit: str
    explained: Int64[Tensor, "B"] | None = None
    words: tuple[str, ...] = ()
    beside: dict[str, Shaped[Tensor, "..."]] = field(default_factory=dict)


def method(access: Access, kind: Kind, important: Important = "high") -> Callable[[Method], Method]:
    """Put the facts beside the function, as `function.facts`."""

    def with_facts(function: Method) -> Method:
        function.facts = Facts(access, kind, important)  # type: ignore[attr-defined]
        return function

    return with_facts


def explained_class(
    victim: "Victim", images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"], of: Of
) -> Int64[Tensor, "B"]:
    """The class of each image that a map is about: the predicted one, the label, or the same for all by its number.

    ValueError if the model has no class of that number.
    """
    if of == "label":
        return labels
    logits = victim.logits(images)
    if of == "predicted":
        return logits.argmax(1)
    if of >= logits.shape[1]:
        raise ValueError(f"of: class {of} is not there, the model has {logits.shape[1]}, counted from 0")
    return torch.full_like(labels, of)

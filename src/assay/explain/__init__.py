"""What the network looks at, and what it is made of: one file for each method, with one function named like it.

method(victim, images, labels, *, settings) -> Explanation

A method of kind "maps" has the setting `of`: which class it explains.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
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
HELPERS = ("baselines", "layers", "walks")
Method = TypeVar("Method", bound=Callable[..., Any])
EXPLAIN = Folder("assay.explain", helpers=HELPERS)


@dataclass(frozen=True)
class Facts:
    """What a method says of itself.

    access: what it asks of the victim; "weights" looks inside. kind: what its maps are, and so who draws them:
    "maps" `(B, h, w)` of the images, "filters" `(N, C, h, w)` of a layer, "activations" `(B, N, h, w)` of layers,
    "class_images" `(N, C, h, w)` of classes.
    important: where a map says that the answer hangs on a place: where it is high, low, or far from 0.
    control: it knows nothing of the model's reasons, and no check of maps may believe it.
    """

    access: Access
    kind: Kind
    important: Important = "high"
    control: bool = False

    @property
    def of_images(self) -> bool:
        """Whether it explains images; what it finds in the weights alone is the same for all of them."""
        return self.kind in ("maps", "activations")


@dataclass(frozen=True)
class Explanation:
    """Named maps with their absolute values, in the order in which they are drawn, and words about them.

    explained: of "maps", the class of each image that they are about. The first map is the method's own; one called
    "class" holds predicted classes; all others hold numbers in `unit`. words: lines for the command line and report.
    window: where each value of a map is about a square of pixels, its side and the step to the next. adds_up_to: the
    change of each image's answer that all values of the method's own map, with their signs, promise to add up to.
    numbers: what else there is to say of each image, by name.
    beside: other arrays, which tell of the maps.
    """

    maps: dict[str, Shaped[Tensor, "..."]]
    unit: str
    explained: Int64[Tensor, "B"] | None = None
    words: tuple[str, ...] = ()
    window: tuple[int, int] | None = None
    adds_up_to: Float[Tensor, "B"] | None = None
    numbers: dict[str, Float[Tensor, "B"]] = field(default_factory=dict)
    beside: dict[str, Shaped[Tensor, "..."]] = field(default_factory=dict)

    def rows(self, chosen: slice | Int64[Tensor, "b"]) -> "Explanation":
        """What it says of these images alone; of "maps"."""
        return replace(
            self,
            maps={name: values[chosen] for name, values in self.maps.items()},
            explained=None if self.explained is None else self.explained[chosen],
            adds_up_to=None if self.adds_up_to is None else self.adds_up_to[chosen],
            numbers={name: values[chosen] for name, values in self.numbers.items()},
        )


def method(
    access: Access, kind: Kind, important: Important = "high", *, control: bool = False
) -> Callable[[Method], Method]:
    """Put the facts beside the function, as `function.facts`."""

    def with_facts(function: Method) -> Method:
        function.facts = Facts(access, kind, important, control)  # type: ignore[attr-defined]
        return function

    return with_facts


def explained_class(
    victim: "Victim", images: Float[Tensor, "B C H W"], labels: Int64[Tensor, "B"], of: Of
) -> Int64[Tensor, "B"]:
    """The class of each image that a map is about: the predicted one, the label, or the same for all by its number.

    ValueError if the model has no class of that number, or what it says of an image is not finite.
    """
    if of == "label":
        return labels
    logits = finite("the model", victim.logits(images))
    if of == "predicted":
        return logits.argmax(1)
    if of >= logits.shape[1]:
        raise ValueError(f"of: class {of} is not there, the model has {logits.shape[1]}, counted from 0")
    return torch.full_like(labels, of)


def finite(who: str, values: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
    """The same values; ValueError, beginning with `who`, if one of them is NaN or infinite: no map could show it."""
    if not values.isfinite().all():
        bad = int((~values.isfinite().flatten(1).all(1)).sum()) if values.ndim > 1 else int((~values.isfinite()).sum())
        raise ValueError(f"{who} gives NaN or infinity for {bad} of {len(values)} images")
    return values

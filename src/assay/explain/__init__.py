"""What the network looks at: one file for each method, with one function named like it.

method(victim, images, labels, *, settings) -> Explanation
"""

from dataclasses import dataclass

from jaxtyping import Float, Int64
from torch import Tensor

from assay.spec import Folder

EXPLAIN = Folder("assay.explain")


@dataclass(frozen=True)
class Explanation:
    """Named maps `(B, h, w)` with their absolute values, and which class of each image they explain.

    A map called "class" holds predicted classes; all others hold numbers in `unit`.
    """

    maps: dict[str, Float[Tensor, "B h w"] | Int64[Tensor, "B h w"]]
    explained: Int64[Tensor, "B"]
    unit: str

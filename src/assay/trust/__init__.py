"""Is the map true? One file for each check, one plain function named like the file.

check(case: Case) -> {name: numbers, the first axis an image}; nothing where it does not apply

What the numbers mean, and what is wanted of them, stands in assay.quality, which needs no model.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.victim import Victim
from assay.chance import Draws
from assay.explain import Explanation, Facts
from assay.spec import Call, Folder

Arrays = dict[str, np.ndarray]
Check = Callable[["Case"], Arrays]
CHECKS = Folder("assay.trust", helpers=("curves", "examination", "maps"))
AGAIN = 8  # images for which a method is asked again, of a changed model or image: that is what costs


@dataclass(frozen=True)
class Case:
    """A method that was asked, what it found, and the images (float, in [0, 1]) that it explained.

    `draws` is the chance of each image. `known` keeps curves that are the same for another method.
    """

    victim: Victim
    call: Call
    images: Float[Tensor, "B C H W"]
    explained: Int64[Tensor, "B"]
    found: Explanation
    draws: Draws
    known: dict[tuple[str, bytes], np.ndarray] = field(default_factory=dict)

    @property
    def facts(self) -> Facts:
        """What the method says of itself."""
        found: Facts = self.call.function.facts  # type: ignore[attr-defined]
        return found

    @property
    def few(self) -> "Case":
        """The same of the first AGAIN images."""
        rows = slice(AGAIN)
        return replace(
            self,
            images=self.images[rows],
            explained=self.explained[rows],
            found=self.found.rows(rows),
            draws=self.draws[rows],
            known={},
        )

    def again(self, images: Float[Tensor, "B C H W"]) -> Explanation:
        """What the method says of other images, or of a changed model, about the same classes."""
        of_these = replace(self.call, settings={**self.call.settings, "of": "label"})
        found: Explanation = of_these(self.victim, images, self.explained)
        return found

    def probability(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B"]:
        """The probability of each image's class."""
        return self.victim.logits(images).softmax(1).gather(1, self.explained[:, None])[:, 0]

    def colour(self) -> Float[Tensor, "C 1 1"]:
        """What the network takes for nothing: the colour that it turns into 0; black if it does not say."""
        mean = getattr(self.victim.classifier, "mean", None)
        return mean[0] if isinstance(mean, Tensor) else torch.zeros_like(self.images[0, :, :1, :1])

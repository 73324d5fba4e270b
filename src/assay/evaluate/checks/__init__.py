"""May the number be believed? One file for each diagnostic, one plain function named like the file.

    check(case: Case) -> Finding

It looks at a few images that the model has right, knows which of them the suite has broken, and answers in words.
"""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from math import isfinite
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from assay.adversary.goal import untargeted
from assay.adversary.threat import Threat
from assay.adversary.victim import Access, Victim, frozen
from assay.adversary.yours import kept, seeded_everywhere
from assay.chance import Draws, derive
from assay.files import fault
from assay.models.classifier import NO_GRADIENT
from assay.spec import Folder

Light = Literal["green", "amber", "red"]  # nothing wrong; not enough evidence; suspicious
Need = Literal["gradients", "scores", "stillness", "survivors"]
VERDICT: dict[Light, str] = {"green": "believable", "amber": "not enough evidence", "red": "suspicious"}
CHECKS = Folder("assay.evaluate.checks", helpers=("probes",))
FEWEST = 8  # images: of fewer, not even two that behave oddly could be told from chance (see probes.excess)
ASKED = 4  # times the same pixels: a model that draws at all hardly gives three more times the same float32 logits
STILL = 1e-5  # of the spread of the logits: more than the last bits of a sum in another order, less than any noise


@dataclass(frozen=True)
class Case:
    """What a diagnostic is given: the model, some images that it has right, and what the enemy may do.

    broken: whether the suite has broken each of them within threat.eps; points: with what, where it has (elsewhere
    anything of that shape), if it was kept. classes: how many there are. access: what the model grants.
    """

    classifier: nn.Module
    images: Float[Tensor, "B C H W"]
    labels: Int64[Tensor, "B"]
    draws: Draws
    threat: Threat
    broken: Bool[Tensor, "B"]
    classes: int
    points: Float[Tensor, "B C H W"] | None = None
    access: Access = "gradients"

    def __post_init__(self) -> None:
        n, many = len(self.images), (self.labels, self.draws.index, self.broken, self.points)
        if any(len(each) != n for each in many if each is not None):
            raise ValueError(f"{n} images need as many labels, draws, verdicts and points")
        if not isinstance(self.threat.eps, int | float):
            raise ValueError(f"{self.threat}: a diagnostic needs one eps, such as {self.threat.norm.name}(8/255)")

    @property
    def eps(self) -> float:
        """That of the threat, a number."""
        assert isinstance(self.threat.eps, int | float)
        return float(self.threat.eps)

    @cached_property
    def survivors(self) -> Int64[Tensor, "S"]:
        """The rows that the suite has not broken."""
        return (~self.broken).nonzero()[:, 0]

    @cached_property
    def answers(self) -> Float[Tensor, "R B K"]:
        """The logits of the same pixels, asked for several times."""
        with self._chance("answers"), Victim(self.classifier) as victim:
            return torch.stack([victim.logits(self.images) for _ in range(ASKED)])

    @cached_property
    def logits(self) -> Float[Tensor, "B K"]:
        """The first answer."""
        return self.answers[0]

    @cached_property
    def spread(self) -> float:
        """How far apart logits are, to measure differences by."""
        return spread(self.logits)

    @cached_property
    def randomised(self) -> bool:
        """Whether the same pixels get different answers."""
        if self.access == "labels":
            with self._chance("labels"), Victim(self.classifier, access="labels") as victim:
                labels = [victim.labels(self.images) for _ in range(ASKED)]
            return any(not torch.equal(labels[0], other) for other in labels[1:])
        return not float((self.answers - self.logits).abs().max()) <= STILL * self.spread

    @cached_property
    def differentiable(self) -> bool:
        """Whether there is a way back from the logits to the pixels."""
        if self.access != "gradients":
            return False
        with self._chance("differentiable"), Victim(self.classifier, micro_batch=FEWEST) as victim:
            try:
                victim.gradient(self.images[:FEWEST], untargeted(self.labels[:FEWEST]))
            except (RuntimeError, ValueError) as error:
                if str(error) == NO_GRADIENT or "not have been used" in str(error):
                    return False
                raise
        return True

    def _chance(self, purpose: str) -> AbstractContextManager[None]:
        """What is asked once is the same whoever asks first, of a model that draws."""
        return seeded_everywhere(derive(self.draws.seed, "check", purpose))


@dataclass(frozen=True)
class Finding:
    """What a diagnostic has seen: a light, a sentence that a student understands, and the numbers behind it."""

    check: str
    light: Light
    because: str
    evidence: dict[str, float]
    seconds: float = field(default=0.0, compare=False)


Check = Callable[[Case], Finding]


def found(light: Light, because: str, **evidence: float) -> Finding:
    """A finding; `check` writes the name and the seconds into it. A number that is none is no evidence."""
    return Finding("", light, because, {name: float(value) for name, value in evidence.items() if isfinite(value)})


def check(*needs: Need) -> Callable[[Check], Check]:
    """Make a diagnostic of a function: it gets what it needs or says why not, and leaves the model as it was.

    The global generators are seeded by the case's seed, for models that draw, and given back. What a model raises
    becomes a finding in amber. Green of fewer images than FEWEST becomes amber, too.
    """

    def register(look: Check) -> Check:
        @wraps(look)
        def guarded(case: Case) -> Finding:
            began, model = time.perf_counter(), case.classifier
            with frozen(model), kept(model), seeded_everywhere(derive(case.draws.seed, "check", look.__name__)):
                try:
                    seen = _lacking(case, needs) or look(case)
                except Exception as error:  # the network may be anybody's
                    seen = found("amber", f"{_title(look)} could not be looked at: {fault(error)}")
            if seen.light == "green" and len(case.images) < FEWEST:
                seen = replace(seen, light="amber", because=_too_few(case))
            return replace(seen, check=look.__name__, seconds=time.perf_counter() - began)

        return guarded

    return register


def lights(case: Case) -> list[Finding]:
    """What every diagnostic has to say, in the order of their names."""
    return [CHECKS[name](case) for name in CHECKS]


def verdict(findings: Iterable[Finding]) -> dict[str, Any]:
    """The worst light decides; the reasons are those of all that shine so, each said once."""
    seen = list(findings)
    light: Light = max((one.light for one in seen), key=["green", "amber", "red"].index, default="amber")
    reasons = [one.because for one in seen if one.light == light and light != "green"]
    return {"verdict": VERDICT[light], "because": list(dict.fromkeys(reasons))}


def spread(logits: Float[Tensor, "B K"]) -> float:
    """How far apart logits are; never 0, so that it can be divided by."""
    return max(float(logits.std()), 1e-12)


def _lacking(case: Case, needs: tuple[Need, ...]) -> Finding | None:
    """What is said where a diagnostic has not what it needs; None if it has."""
    if not len(case.images):
        return found("amber", _too_few(case))
    if case.access == "labels" and {"scores", "gradients"} & set(needs):
        return found("amber", "the model tells its class alone: what lies behind it cannot be looked at")
    if "survivors" in needs and not len(case.survivors):
        return found("green", "the suite broke every image: a number of 0 cannot be too high")
    if "gradients" in needs and not case.differentiable:
        return found("amber", "the model gives no gradients: attacks that need them cannot be run, nor their number")
    if "stillness" in needs and case.randomised:
        return found("amber", "the model is randomised: a single attack on it proves little, see randomness")
    return None


def _too_few(case: Case) -> str:
    return f"{len(case.images)} images that the model has right are too few: at least {FEWEST} are needed"


def _title(look: Check) -> str:
    return look.__name__.replace("_", " ")

"""What the enemy sees: a classifier, held still, that answers only what it grants and counts every question."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from itertools import chain
from typing import Literal, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from assay.adversary.crew import Crew, crew_for
from assay.models.classifier import NO_GRADIENT, Classifier

Result = TypeVar("Result")


@runtime_checkable
class Scored(Protocol):
    """What can be climbed: a goal, or whatever else has a score for logits."""

    def __getitem__(self, rows: Tensor | slice) -> "Scored": ...

    def score(self, logits: Float[Tensor, "B K"]) -> Float[Tensor, "B"]: ...


Access = Literal["gradients", "scores", "labels"]
Precision = Literal["float32", "bfloat16"]
Images = Float[Tensor, "B C H W"]
Part = tuple[slice, Images]  # a micro-batch, and the rows of the whole that are its first
MICRO_BATCH = 32
ON_GPU = 256  # there, so few images at a time leave most of it idle
ACCESS: tuple[Access, ...] = ("labels", "scores", "gradients")


class Victim:
    """A classifier as the adversary sees it; a context manager, which leaves the classifier as it found it.

    Inside, the parameters are frozen and every module is in eval mode. Images pass in micro-batches of one fixed
    shape, the last one padded: then an image's numbers do not depend on its neighbours (docs/decisions/0002).
    precision is that of `gradient`, the search; `logits` and `labels` are always float32 and decide.
    forwards and backwards count images, without the padding. curves are what an attack has recorded on its way.
    """

    def __init__(
        self,
        classifier: nn.Module,
        *,
        access: Access = "gradients",
        precision: Precision = "float32",
        micro_batch: int | None = None,
    ) -> None:
        self.classifier = classifier
        self.access = access
        self.precision = precision
        self.micro_batch = micro_batch or usual_micro_batch(device_of(classifier))
        self.forwards = 0
        self.backwards = 0
        self.curves: dict[str, list[Float[Tensor, "B"]]] = {}
        self._still = frozen(classifier)
        # Anybody else's module may be watching what passes, and a caller's own shape is mostly a whole batch.
        self._may_share = micro_batch is None and isinstance(classifier, Classifier)
        self._crew: Crew | None = None

    def __enter__(self) -> "Victim":
        self._still.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._still.__exit__(None, None, None)

    def gradient(self, images: Images, goal: Scored, exact: bool = False) -> tuple[Float[Tensor, "B K"], Images]:
        """Logits, and the gradient of the goal's score with respect to the pixels, as float32; exact: computed so."""
        logits, gradients = self.gradients(images, [goal], exact)
        return logits, gradients[0]

    def gradients(
        self, images: Images, goals: Sequence[Scored], exact: bool = False
    ) -> tuple[Float[Tensor, "B K"], list[Images]]:
        """The same for several goals, with one forward pass."""
        self.grant("gradients")
        self.forwards += len(images)
        self.backwards += len(images) * len(goals)
        logits, parts = zip(*self._pass(partial(self._climb, goals, exact), images), strict=True)
        return torch.cat(logits), [torch.cat(gradient) for gradient in zip(*parts, strict=True)]

    def logits(self, images: Images, exact: bool = True) -> Float[Tensor, "B K"]:
        """Logits in float32; not exact: in the precision of the search, as float32."""
        self.grant("scores")
        return self._answer(images, exact)

    def labels(self, images: Images) -> Int64[Tensor, "B"]:
        """Predicted classes in float32; -1 where the logits are not finite."""
        return predicted(self._answer(images))

    def record(self, name: str, values: Float[Tensor, "B"]) -> None:
        """One more point of each image's curve of that name."""
        self.curves.setdefault(name, []).append(values.detach().cpu())

    def _answer(self, images: Images, exact: bool = True) -> Float[Tensor, "B K"]:
        self.forwards += len(images)
        return torch.cat(self._pass(partial(self._ask, exact), images)).float()

    def _ask(self, exact: bool, module: nn.Module, part: Part) -> Tensor:
        """A micro-batch through the module, forward."""
        rows, batch = part
        with torch.no_grad(), nullcontext() if exact else self._search_precision(batch):
            found: Tensor = module(batch)
        return found[: rows.stop - rows.start]

    def _climb(
        self, goals: Sequence[Scored], exact: bool, module: nn.Module, part: Part
    ) -> tuple[Tensor, list[Tensor]]:
        """Forward and backward."""
        rows, batch = part
        batch.requires_grad_()
        with torch.enable_grad(), nullcontext() if exact else self._search_precision(batch):
            answer = module(batch)[: rows.stop - rows.start].float()
            scores = [goal[rows].score(answer).sum() for goal in goals]
        if not answer.requires_grad:
            raise ValueError(NO_GRADIENT)
        last = len(scores) - 1
        found = [torch.autograd.grad(score, batch, retain_graph=i < last)[0] for i, score in enumerate(scores)]
        return answer.detach(), [gradient[: len(answer)] for gradient in found]

    def _pass(self, work: Callable[[nn.Module, Part], Result], images: Images) -> list[Result]:
        """Micro-batch by micro-batch, side by side where that changes nothing."""
        parts = list(self.micro_batches(images))
        if self._may_share and self._crew is None:
            self._crew = crew_for(self.classifier, parts[0][1])
            self._may_share = self._crew is not None
        if self._crew:
            return self._crew.map(work, parts)
        return [work(self.classifier, part) for part in parts]

    def micro_batches(self, images: Images) -> Iterator[Part]:
        """The rows and the images that pass together, all of one shape: the last are filled up with black ones."""
        for start in range(0, max(1, len(images)), self.micro_batch):  # no images: one pass tells the number of classes
            batch = images[start : start + self.micro_batch].detach()
            rows = slice(start, start + len(batch))
            if missing := self.micro_batch - len(batch):
                batch = torch.cat([batch, batch.new_zeros(missing, *batch.shape[1:])])
            yield rows, batch

    def _search_precision(self, images: Images) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(images.device.type, dtype=torch.bfloat16)

    def grant(self, wanted: Access) -> None:
        """PermissionError if this victim does not let itself be asked for that."""
        if ACCESS.index(wanted) > ACCESS.index(self.access):
            raise PermissionError(f"the attack asked for {wanted}, but this victim grants only {self.access}")


def usual_micro_batch(device: torch.device) -> int:
    """How many images pass at a time where nobody says; part of the setting, since it may change last bits."""
    return ON_GPU if device.type == "cuda" else MICRO_BATCH


def device_of(module: nn.Module) -> torch.device:
    """Where a module's numbers are; the CPU if it has none."""
    return next((tensor.device for tensor in chain(module.parameters(), module.buffers())), torch.device("cpu"))


def predicted(logits: Float[Tensor, "B K"]) -> Int64[Tensor, "B"]:
    """The class of the largest logit; -1 where any logit is not finite, which is no prediction."""
    return torch.where(logits.isfinite().all(1), logits.argmax(1), -1)


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Eval mode and no parameter gradients; afterwards each module and parameter is as it was."""
    modes = [(part, part.training) for part in module.modules()]
    grads = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    try:
        for part, _ in modes:
            part.training = False
        for parameter, _ in grads:
            parameter.requires_grad_(False)
        yield
    finally:
        for part, mode in modes:
            part.training = mode
        for parameter, grad in grads:
            parameter.requires_grad_(grad)


def fast_precision(device: torch.device) -> Precision:
    """bfloat16 where the machine computes it in hardware, else float32. A caller records what it chose."""
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float32"
    if device.type == "cpu" and (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()):
        return "bfloat16"
    return "float32"

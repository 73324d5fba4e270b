"""One run of an attack on one canary: what it returned, what it asked, and how that compares with the truth."""

import copy
import random
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from assay.adversary.threat import THREATS
from assay.adversary.yours import Yours, as_images, seeded_everywhere
from assay.doctor.canaries import Canary
from assay.doctor.witness import Record, Witness, classes

ROOM = 1e-4  # of eps, and a tenth of it in pixels: float32 sums, in any order


@dataclass
class Trial:
    """points: what came back, `(N, C, H, W)`, None if it was nothing of the kind. error: what was raised instead.

    traces: what of the caller's was changed. chance: the global generators when the attack was done.
    """

    canary: Canary
    eps: float
    returned: Any
    points: Tensor | None
    error: Exception | None
    record: Record
    seconds: float
    traces: dict[str, bool]
    chance: tuple[Any, ...]

    @cached_property
    def deltas(self) -> Tensor:
        """What was changed, in float64."""
        assert self.points is not None
        return self.points.double() - self.canary.images.double()

    @cached_property
    def sizes(self) -> np.ndarray:
        """The length of each change in the canary's norm."""
        return THREATS[self.canary.norm]().size(self.deltas).numpy()

    @cached_property
    def fallen(self) -> np.ndarray:
        """Images that are no longer what they were, wherever they have gone: what a notebook would count."""
        if self.points is None:
            return np.zeros(len(self.canary.labels), bool)
        return (classes(self.canary.net, self.points) != self.canary.labels).numpy()

    @property
    def standing(self) -> np.ndarray:
        """Images said to be robust that can provably be broken."""
        return self.canary.breakable & ~self.fallen

    @property
    def impossible(self) -> np.ndarray:
        """Images said to be broken that nobody can break within the budget."""
        return self.canary.unbreakable & self.fallen

    @property
    def beyond(self) -> np.ndarray:
        """Images changed by more than eps."""
        return self.sizes > self.eps * (1 + ROOM) + ROOM / 10

    @property
    def outside(self) -> np.ndarray:
        """Images with a pixel out of [0, 1]."""
        assert self.points is not None
        return ((self.points < -1e-6) | (self.points > 1 + 1e-6)).flatten(1).any(1).numpy()

    def says(self) -> str:
        """ "reports 92 % where the truth is 20 %"."""
        reported, truth = 1 - self.fallen.mean(), (self.canary.radius > self.eps).mean()
        return f"{self.canary.name}: reports {percent(reported)} where the truth is {percent(truth)}"


def percent(share: float) -> str:
    """ "20 %"."""
    return f"{100 * share:.0f} %"


def run(
    attack: Yours,
    canary: Canary,
    *,
    eps: float | None = None,
    steps: int | None = None,
    targeted: bool = False,
    seed: int = 1,
    train: bool = False,
    labels: Tensor | None = None,
    fails_at: int | None = None,
) -> Trial:
    """Hand the canary to the attack, in eval mode unless `train`, and see what becomes of both.

    fails_at: passes after which the model raises.
    """
    model = Witness(copy.deepcopy(canary.net), fails_at=fails_at)  # whatever is done to it, the next trial has another
    model.train(train)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)  # as in the middle of a training step
    labels = canary.labels if labels is None else labels
    images, given = canary.images.clone(), labels.clone()
    began = time.perf_counter()
    returned, error = None, None
    with seeded_everywhere(seed):
        before = _state(model)
        try:
            returned = attack(model, images, given, canary.eps if eps is None else eps, steps, targeted)
        except (Exception, SystemExit) as raised:
            error = raised if isinstance(raised, Exception) else RuntimeError(f"SystemExit: {raised}")
        seeded, after = _generators(), _state(model)
    seconds = time.perf_counter() - began
    traces = {name: after[name] != before[name] for name in before}
    traces["graph"] = images.requires_grad
    traces["images"] = not torch.equal(images.detach(), canary.images)
    traces["labels"] = not torch.equal(given, labels)
    points = as_images(returned, canary.images)
    told = canary.eps if eps is None else eps
    return Trial(canary, told, returned, points, error, model.record, seconds, traces, seeded)


def differ(one: Trial, other: Trial) -> int:
    """How many images came out otherwise; one of NaN is like another."""
    if one.points is None or other.points is None:
        return 0
    return int((one.points.nan_to_num(9.0) != other.points.nan_to_num(9.0)).flatten(1).any(1).sum())


def _state(model: Witness) -> dict[str, Any]:
    """What an attack might leave behind, by what it is left on."""
    tensors = [*model.net.named_parameters(), *model.net.named_buffers()]
    hooks = [
        sum(len(getattr(part, name)) for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks"))
        for part in model.modules()
    ]
    return {
        "weights": [(name, tensor.detach().cpu().numpy().tobytes()) for name, tensor in tensors],
        "modes": [part.training for part in model.modules()],
        "hooks": hooks,
        "frozen": [parameter.requires_grad for parameter in model.parameters()],
        "attributes": [sorted(vars(part)) for part in model.modules()],
        "gradients": [
            None if parameter.grad is None else parameter.grad.numpy().tobytes() for parameter in model.parameters()
        ],
        "torch": (torch.is_grad_enabled(), torch.get_default_dtype()),
    }


def _generators() -> tuple[Any, ...]:
    """The states of torch's, numpy's and python's global generators."""
    _, keys, *rest = np.random.get_state()
    return torch.get_rng_state().numpy().tobytes(), (np.asarray(keys).tobytes(), *rest), random.getstate()


@dataclass(frozen=True)
class Step:
    """A place where the attack took a gradient of one image: the pixels, and the gradients of its loss there."""

    point: Tensor
    of_image: Tensor | None
    of_logits: Tensor
    logits: Tensor


def paths(trial: Trial, most: int = 60) -> list[list[Step]]:
    """For each image the steps of its way, in order, however the attack has cut its batches."""
    clean = trial.canary.images.flatten(1)
    ways: list[list[Step]] = [[] for _ in clean]
    for asked in trial.record.backwards[: most * max(1, len(clean))]:
        if asked.images.shape[1:] != trial.canary.images.shape[1:]:
            continue
        owner = torch.cdist(asked.images.flatten(1).float(), clean).argmin(1).tolist()
        for row, image in enumerate(owner):
            if len(ways[image]) < most and asked.images[row].any():  # all black: what a batch was filled up with
                back = None if asked.of_images is None else asked.of_images[row]
                assert asked.of_logits is not None
                ways[image].append(Step(asked.images[row], back, asked.of_logits[row], asked.logits[row]))
    return ways

"""Class images: what a class looks like to the network, drawn from noise by going uphill on the class's logit."""

from collections.abc import Callable
from typing import Annotated

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from tqdm import tqdm

from assay.adversary.goal import Goal, targeted
from assay.adversary.victim import Victim
from assay.chance import Draws
from assay.explain import Explanation, method
from assay.spec import AtLeast, Count, Positive

Images = Float[Tensor, "N C H W"]
Open = Int64[Tensor, "O"]  # rows
Number = Annotated[int, AtLeast(0)]
TRIES = 4  # noises to begin from, where the gradient of one is 0 everywhere
LOOK = 64  # iterations from one look to the next; at the beginning 1, 2, 4, …
ENOUGH = 1e-3  # of what was climbed so far: a smaller gain is none
FIRST, SECOND, TINY = 0.9, 0.999, 1e-8  # β₁, β₂ and ε of Adam


@method(access="gradients", kind="class_images")
def class_image(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    labels: Int64[Tensor, "B"],
    *,
    steps: Count = 256,
    step_size: Positive = 0.05,
    l2: Positive = 0.0,
    tv: Positive = 0.0,
    jitter: Number = 0,
    starts: Count = 3,
    seed: Number = 0,
    classes: Number | tuple[Number, ...] | None = None,
    patience: Count = 1024,
) -> Explanation:
    """For each class an image from each of several noises that makes its logit large (Simonyan et al. 2014, arXiv
    1312.6034, §2), by Adam (Kingma and Ba 2015, arXiv 1412.6980): logit − l2 · ‖x − ½‖² − tv · Σ (x − neighbour)².

    step_size is in pixels of [0, 1]; after each step every pixel is put back into [0, 1], where it left. l2 and tv
    (Mahendran and Vedaldi 2015, arXiv 1412.0035, β = 2) are in logits per squared pixel; jitter moves the image by up
    to so many pixels, round the edge, before each gradient. classes: all, if nobody says. An image rests once it has
    gained less than a thousandth of what it had climbed in `patience` iterations, and never moves if its gradient is
    0 everywhere from 4 noises. Kept is the highest point that was looked at; curves hold all looks.
    ValueError if there is no such class, or an answer is not finite.

    Differs: Adam in place of plain gradient ascent, noise in place of the zero image, and no mean image is added.
    """
    k = victim.logits(images[:0]).shape[1]
    asked = tuple(range(k)) if classes is None else (classes,) if isinstance(classes, int) else classes
    if len(set(asked)) < max(1, len(asked)) or max(asked) >= k:
        raise ValueError(f"class_image: classes must be some of 0 to {k - 1}, each once, got {classes}")
    of = torch.tensor(asked, device=images.device).repeat_interleave(starts)
    draws = Draws(seed, torch.arange(starts, device=images.device).repeat(len(asked)))
    goal = targeted(of, loss="logit")
    walk = Walk(victim, goal, l2, tv, *_begin(victim, goal, draws, images.shape[1:]))
    for step in tqdm(range(steps), "class images", unit="iteration", leave=False):
        if step in (0, 1, 2, 4, 8, 16, 32) or step % LOOK == 0:
            walk.look(step, patience)
        if not len(walk.open):
            break
        shift = draws[walk.open].integers(2 * jitter + 1, (2,), "jitter", step) - jitter
        walk.climb(step_size, shift)
    else:
        walk.look(steps, patience)
    found = walk.found() | {"explained": of.cpu(), "start": draws.index.cpu()}
    return Explanation({"image": walk.best.cpu()}, "pixels of [0, 1]", words=told(found), beside=found)


def told(found: dict[str, Tensor]) -> tuple[str, ...]:
    """What the arrays say, in words: how sure the network is at the end, and which images never moved."""
    of, n = found["explained"], len(found["explained"])
    reached = 100 * found["logits"].softmax(1).gather(1, of[:, None])[:, 0]
    middle, low, high = reached.quantile(0.5), reached.min(), reached.max()
    last = int(found["stopped"].max())
    line = f"{n} images of {len(set(of.tolist()))} classes, {last} iterations: the class has probability "
    line += (
        f"{middle:.1f} % (median; {low:.1f} to {high:.1f} %), it is the answer for {int((_best(found) == of).sum())}"
    )
    dead = [
        f"class {one}, start {start}: never fired, its gradient is 0 everywhere from {TRIES} noises"
        for one, start, stopped in zip(of.tolist(), found["start"].tolist(), found["stopped"].tolist(), strict=True)
        if stopped == 0
    ]
    return (line, *dead)


class Walk:
    """Images on their way uphill, each by itself: open are the rows that still move."""

    def __init__(self, victim: Victim, goal: Goal, l2: float, tv: float, points: Images, alive: Open) -> None:
        self.victim, self.goal, self.points, self.open = victim, goal, points, alive
        self.penalty = _penalty(l2, tv)
        self.first, self.second = torch.zeros_like(points), torch.zeros_like(points)  # moments
        self.step = 0
        self.best, self.score = points.clone(), points.new_full((len(points),), -torch.inf)
        self.kept, self.stopped = torch.zeros_like(goal.classes), torch.zeros_like(goal.classes)
        self.begun, self.gained, self.since = self.score.clone(), self.score.clone(), torch.zeros_like(goal.classes)
        self.logits = victim.logits(points)
        self.steps: list[int] = []
        self.curves: dict[str, list[Tensor]] = {"logit": [], "probability": []}

    def look(self, step: int, patience: int) -> None:
        """Ask in float32 where they are, keep the highest, and let those rest that no longer gain."""
        logits = self.logits.clone()  # of those that rest: where they rest
        logits[self.open] = self.victim.logits(self.points[self.open])
        if not (logits.isfinite().all() and self.points.isfinite().all()):
            raise ValueError(f"class_image: the model gives NaN or infinity, or its gradient does, at iteration {step}")
        score = self.goal.score(logits) - self.penalty(self.points)
        higher = score > self.score
        self.best[higher], self.score[higher], self.kept[higher] = self.points[higher], score[higher], step
        if not self.steps:
            self.begun = self.gained = score
        gains = score - self.gained > ENOUGH * (self.gained - self.begun)
        self.gained, self.since = torch.where(gains, score, self.gained), self.since.where(~gains, step)
        self.stopped[self.open] = step
        self.logits = logits
        self.steps.append(step)
        self.curves["logit"].append(self.goal.score(logits).cpu())
        probability = logits.softmax(1).gather(1, self.goal.classes[:, None])[:, 0]
        self.curves["probability"].append(probability.cpu())
        self.open = self.open[step - self.since[self.open] < patience]

    def climb(self, step_size: float, shift: Int64[Tensor, "O 2"]) -> None:
        """One step of Adam (Kingma and Ba 2015, algorithm 1), uphill, and back into the box."""
        rows, self.step = self.open, self.step + 1
        points = self.points[rows]
        _, gradient = self.victim.gradient(_rolled(points, shift), self.goal[rows])
        gradient = _rolled(gradient, -shift) - _slope(self.penalty, points)
        self.first[rows] = FIRST * self.first[rows] + (1 - FIRST) * gradient
        self.second[rows] = SECOND * self.second[rows] + (1 - SECOND) * gradient.square()
        mean = self.first[rows] / (1 - FIRST**self.step)
        spread = (self.second[rows] / (1 - SECOND**self.step)).sqrt()
        self.points[rows] = (points + step_size * mean / (spread + TINY)).clamp(0, 1)

    def found(self) -> dict[str, Tensor]:
        """What is kept beside the images: their logits, when they were found, when they stopped, and the curves."""
        curves = {f"curve.{name}": torch.stack(values, 1) for name, values in self.curves.items()}
        told = {"logits": self.victim.logits(self.best), "kept": self.kept, "stopped": self.stopped}
        return {name: value.cpu() for name, value in told.items()} | {"steps": torch.tensor(self.steps)} | curves


def _begin(victim: Victim, goal: Goal, draws: Draws, shape: torch.Size) -> tuple[Images, Open]:
    """Noise for each image, of up to four the first that has a gradient; and the rows that have one."""
    points = draws.uniform(tuple(shape), "class image", 0)
    dead = torch.arange(len(points), device=points.device)
    for attempt in range(TRIES):
        points[dead] = draws[dead].uniform(tuple(shape), "class image", attempt)
        _, gradient = victim.gradient(points[dead], goal[dead])
        dead = dead[(gradient == 0).flatten(1).all(1)]
        if not len(dead):
            break
    alive = torch.ones(len(points), dtype=torch.bool, device=points.device)
    alive[dead] = False
    return points, alive.nonzero()[:, 0]


def _penalty(l2: float, tv: float) -> Callable[[Images], Float[Tensor, "N"]]:
    def penalty(points: Images) -> Float[Tensor, "N"]:
        rough = points.diff(dim=2).square().sum((1, 2, 3)) + points.diff(dim=3).square().sum((1, 2, 3))
        return l2 * (points - 0.5).square().sum((1, 2, 3)) + tv * rough

    return penalty


def _slope(penalty: Callable[[Images], Float[Tensor, "N"]], points: Images) -> Images:
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        return torch.autograd.grad(penalty(points).sum(), points)[0]


def _rolled(images: Images, shift: Int64[Tensor, "N 2"]) -> Images:
    """Each image moved down and right by its own shift, what leaves on one side coming in on the other."""
    if not shift.any():
        return images
    height, width = images.shape[2:]
    rows = (torch.arange(height, device=images.device) - shift[:, :1]) % height
    columns = (torch.arange(width, device=images.device) - shift[:, 1:]) % width
    place = torch.arange(len(images), device=images.device)
    moved = images.movedim(1, 3)[place[:, None, None], rows[:, :, None], columns[:, None, :]].movedim(3, 1)
    return moved.contiguous()  # in one layout, whoever is beside it: in another the last bits differ


def _best(found: dict[str, Tensor]) -> Tensor:
    return found["logits"].argmax(1)

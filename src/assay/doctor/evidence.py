"""What a trial shows of how an attack works: the loss it climbs, the way it goes, the size of its steps."""

from collections import Counter
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from assay.adversary.threat import THREATS
from assay.doctor.trial import Step, Trial, paths

LossForm = Literal["ce", "minus ce", "softmax ce", "nll", "none", "other"]
MOMENTA = (1.0, 0.95, 0.9, 0.75, 0.5)  # what a right attack may carry on
ALIKE = 0.999  # a cosine above which two directions are the same


def form_of(step: Step) -> tuple[LossForm, int]:
    """Which loss has this gradient with respect to the logits, and of which class (-1: unknown)."""
    gradient, logits = step.of_logits.double(), step.logits.double()
    if not gradient.abs().max() > 0:
        return "none", -1
    probability = logits.softmax(0)
    for label in range(len(logits)):
        one = torch.nn.functional.one_hot(torch.tensor(label), len(logits)).double()
        answer = logits.clone().requires_grad_()
        twice = torch.nn.functional.cross_entropy(answer.softmax(0)[None], torch.tensor([label]))
        (of_softmax,) = torch.autograd.grad(twice, answer)
        candidates: dict[LossForm, Tensor] = {"ce": probability - one, "nll": -one, "softmax ce": of_softmax}
        cosine = {name: _cosine(gradient, found) for name, found in candidates.items()}
        best = max(cosine, key=lambda name: cosine[name])
        if cosine["ce"] > ALIKE and cosine["ce"] >= cosine[best] - 1e-6:
            return "ce", label
        if cosine["ce"] < -ALIKE:
            return "minus ce", label
        if cosine[best] > ALIKE:
            return best, label
    return "other", -1


def _cosine(a: Tensor, b: Tensor) -> float:
    return float(a @ b / (a.norm() * b.norm()).clamp_min(1e-300))


class Ways:
    """The ways of all images of a trial."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.steps = paths(trial)
        self.clean = trial.canary.images

    @property
    def questions(self) -> float:
        """Gradients taken of an image, on average."""
        return float(np.mean([len(way) for way in self.steps]))

    def forms(self) -> Counter[str]:
        """How often each loss was met, over the first steps of every image."""
        return Counter(form_of(step)[0] for way in self.steps for step in way[:3])

    def mostly(self, form: str) -> bool:
        """Whether nearly every gradient is of that loss."""
        found = self.forms()
        total = sum(count for name, count in found.items() if name != "none")
        return total > 0 and found[form] >= 0.9 * total

    def aims(self) -> list[tuple[int, int]]:
        """(image, class) of the loss that each image's first gradient is of."""
        found = [(image, form_of(way[0])) for image, way in enumerate(self.steps) if way]
        return [(image, label) for image, (_, label) in found if label >= 0]

    def moves(self) -> list[Tensor]:
        """Of each image with two steps or more, what it moved by between one and the next, `(T-1, C, H, W)`."""
        return [
            torch.stack([later.point - earlier.point for earlier, later in pairwise(way)])
            for way in self.steps
            if len(way) > 1
        ]

    def stays(self) -> bool:
        """Whether gradients were taken several times, always at one place, and of one loss: so all the same."""
        moves = self.moves()
        still = bool(moves) and all(float(move.abs().max()) < 1e-6 for move in moves)
        return still and not self.tries_losses()

    def tries_losses(self) -> bool:
        """Whether several losses were asked about at the first place, as by one step toward each class."""
        if any(asked.returns > 1 for asked in self.trial.record.backwards):
            return len({asked.images.numpy().tobytes() for asked in self.trial.record.backwards}) == 1
        other = [
            any(_cosine(step.of_logits.double(), way[0].of_logits.double()) < ALIKE for step in way[1:])
            for way in self.steps
            if len(way) > 1 and all(float((step.point - way[0].point).abs().max()) < 1e-6 for step in way[1:])
        ]
        return len(other) > len(self.steps) / 2 and float(np.mean(other)) > 0.5

    def stops(self) -> bool:
        """Whether every image moves at first and then never again, though gradients are taken on and on."""
        long = [move for move in self.moves() if len(move) >= 2]
        return bool(long) and all(
            float(move[0].abs().max()) > 1e-6 and float(move[1:].abs().max()) < 1e-6 for move in long
        )

    def lengths(self) -> list[np.ndarray]:
        """Of each image, how far each of its points is from the clean one, in the canary's norm."""
        return [
            np.array([float(self._size(step.point.double() - clean.double())) for step in way])
            for way, clean in zip(self.steps, self.clean, strict=True)
        ]

    def jumps(self) -> float:
        """The share of pixels (in l2: of images) that go from one side of the ball to the other in a step."""
        eps, shares = self.trial.eps, []
        for way, clean in zip(self.steps, self.clean, strict=True):
            inside = [step.point for step in way[1:] if float(self._size(step.point - clean)) <= 1.01 * eps]
            jumps = [self._size(b - a, self.trial.canary.norm == "linf") > 1.8 * eps for a, b in pairwise(inside)]
            shares.append(float(torch.stack(jumps).float().mean()) if jumps else 0.0)
        return float(np.mean(shares)) if shares else 0.0

    def _size(self, delta: Tensor, each: bool = False) -> Tensor:
        """The length of a change in the canary's norm; with `each`, of each pixel's."""
        return delta.abs() if each else THREATS[self.trial.canary.norm]().size(delta[None])[0]

    def strides_alike(self) -> bool:
        """Whether steps are equally long over images, as those are that were divided by each image's own length."""
        moves = [float(move.norm()) for moved in self.moves() for move in moved[:3]]
        strides = [length for length in moves if length > 1e-7]
        return len(strides) > 8 and float(np.percentile(strides, 75)) < 1.02 * float(np.percentile(strides, 40))

    def goes_straight_on(self) -> bool:
        """Whether hardly a pixel ever turns back, and most end short of eps."""
        straight, short = [], []
        far = [(way, clean) for way, clean in zip(self.steps, self.clean, strict=True) if len(way) > 1]
        for (way, clean), move in zip(far, self.moves(), strict=True):
            both = (move[0] != 0) & (move[-1] != 0)
            straight.append(float((move[0].sign() == move[-1].sign())[both].float().mean()) if both.any() else 0.0)
            short.append(float(((way[-1].point - clean).abs() < 0.97 * self.trial.eps).float().mean()))
        return bool(straight) and float(np.mean(straight)) > 0.95 and float(np.mean(short)) > 0.5

    def grows_to_the_end(self) -> bool:
        """Whether the distance from the clean image still grew in the last step."""
        grown = [way[-1] > 1.001 * way[-2] for way in self.lengths() if len(way) > 1]
        return bool(grown) and float(np.mean(grown)) > 0.5

    def fades(self) -> bool:
        """Whether each step is shorter than the one before, as those are that a schedule shortens too soon."""
        shrunk = []
        for moves in self.moves():
            strides = moves.flatten(1).norm(dim=1)[:4]
            if len(strides) > 2 and (strides > 0).all():
                shrunk.append(bool((strides[1:] < 0.95 * strides[:-1]).all()))
        return bool(shrunk) and float(np.mean(shrunk)) > 0.8

    def follows_raw_gradients(self) -> bool:
        """Whether a step is a multiple of the gradient itself, not of its signs, nor of its direction in l2."""
        if self.trial.canary.norm == "l2" and self.strides_alike():
            return False
        found = []
        for image, way in enumerate(self.steps):
            places = [step.point for step in way[:4]]
            if len(way) == 1 and self.trial.points is not None:
                places.append(self.trial.points[image])  # the only step leads to what was returned
            for earlier, (here, there) in zip(way, pairwise(places), strict=False):
                if earlier.of_image is None or not earlier.of_image.abs().max() > 0:
                    continue
                move, back = (there - here).flatten().double(), earlier.of_image.flatten().double()
                free = ((there > 1e-6) & (there < 1 - 1e-6)).flatten() & (move.abs() < 0.98 * self.trial.eps)
                if free.sum() > 8 and move[free].norm() > 1e-8:
                    raw, signs = (abs(_cosine(move[free], each)) for each in (back[free], back[free].sign()))
                    found.append(raw > 0.995 and raw > signs)
        return bool(found) and float(np.mean(found)) > 0.8

    def steps_by_signs(self) -> bool:
        """Whether the first step moves all pixels that are off the box by one length."""
        even = []
        for way, moved in zip((way for way in self.steps if len(way) > 1), self.moves(), strict=True):
            free = (way[1].point > 1e-6) & (way[1].point < 1 - 1e-6)
            lengths = moved[0][free].abs()
            if len(lengths) > 8 and lengths.max() > 1e-7:
                even.append(bool(lengths.min() > 0.99 * lengths.max()))
        return bool(even) and float(np.mean(even)) > 0.8

    def keeps_its_rate(self) -> bool:
        """Whether every step is the same multiple of its gradient, and was not divided by anything."""
        spreads = []
        for way in self.steps:
            rates = [
                float((later.point - earlier.point).abs().max() / earlier.of_image.abs().max().clamp_min(1e-30))
                for earlier, later in pairwise(way[:5])
                if earlier.of_image is not None
            ]
            if len(rates) > 2 and min(rates) > 0:
                spreads.append(max(rates) / min(rates))
        return bool(spreads) and float(np.median(spreads)) < 1.01

    def adds_up_gradients(self) -> bool:
        """Whether steps follow the plain sum of all gradients so far, where that is another way than the last gradient,
        and than momentum, which adds them up at one length."""
        told: Counter[bool] = Counter()
        for way in self.steps:
            plain, down = torch.zeros_like(self.clean[0]), False
            even = dict.fromkeys(MOMENTA, plain)
            for earlier, later in pairwise(way):
                if earlier.of_image is None:
                    break
                moved = (later.point - earlier.point).sign()
                if not plain.any():  # a targeted attack goes down
                    down = float((moved * earlier.of_image.sign()).sum()) < 0
                back = -earlier.of_image if down else earlier.of_image
                plain, unit = plain + back, back / back.abs().sum().clamp_min(1e-30)
                even = {share: share * sums + unit for share, sums in even.items()}
                telling = (moved != 0) & (plain.sign() != back.sign())
                for sums in even.values():
                    telling &= plain.sign() != sums.sign()
                told.update((moved == plain.sign())[telling].tolist())
        return told[True] > 50 and told[True] > 0.95 * told.total()

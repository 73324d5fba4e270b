"""Success is nobody's claim: the judge looks at every returned image again, in float32, and repairs nothing."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.norms import L2, Linf
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim, predicted
from assay.attacks import Kind
from assay.evaluate.distortion import ssim

Images = Float[Tensor, "B C H W"]


@dataclass(frozen=True)
class Verdicts:
    """For each image: verdict (see tally), predicted class (-1 for none), its probability, and of the change its size
    in the threat's norm, its Euclidean length, its largest pixel, and the structural similarity that it leaves."""

    verdict: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray
    size: np.ndarray
    l2: np.ndarray
    linf: np.ndarray
    ssim: np.ndarray

    def copy(self) -> "Verdicts":
        """Verdicts that can be written to."""
        return Verdicts(*(values.copy() for values in vars(self).values()))

    def put(self, rows: np.ndarray, found: "Verdicts") -> None:
        """Write what was found of some of the images."""
        for name, values in vars(self).items():
            values[rows] = getattr(found, name)


def judge(
    victim: Victim,
    images: Images,
    goal: Goal,
    threat: Threat,
    points: Tensor,
    kind: Kind = "budget",
) -> Verdicts:
    """A verdict on each point that an attack returned for images that were right.

    Outside [0, 1], not finite, or of another shape: a fault. Beyond eps: a fault of an attack that had a budget,
    and "not broken at this eps" of one that looks for the smallest change. No prediction (NaN logits): a fault.
    """
    if points.shape != images.shape:
        nothing = np.zeros(len(images), np.float32)
        return Verdicts(np.full(len(images), "fault", object), np.full(len(images), -1), *(nothing,) * 5)
    points = points.detach().to(images)
    prediction, confidence = answers(victim.logits(points))
    in_box = _in_box(points)
    allowed = threat.contains(points, images)
    broken = goal.reached(prediction) & allowed
    fault = ~in_box | (prediction < 0) | (~allowed if kind != "minimum" else torch.zeros_like(allowed))
    delta = points.double() - images.double()
    seen = (threat.size(delta), L2().size(delta), Linf().size(delta), ssim(images, points))
    measured = (values.nan_to_num(nan=-1, posinf=-1).float().cpu().numpy() for values in seen)
    verdict = np.where(fault.cpu(), "fault", np.where(broken.cpu(), "broken", "robust")).astype(object)
    return Verdicts(verdict, prediction.cpu().numpy(), confidence.cpu().numpy(), *measured)


def answers(logits: Float[Tensor, "B K"]) -> tuple[Tensor, Tensor]:
    """Predicted classes and their probabilities; -1 and 0 where the logits are not finite."""
    prediction = predicted(logits)
    return prediction, torch.where(prediction < 0, 0.0, logits.softmax(1).amax(1))


def rank(logits: Float[Tensor, "B K"], labels: Int64[Tensor, "B"]) -> Int64[Tensor, "B"]:
    """How many classes are thought likelier than the label: 0 if it is predicted; K where there is no prediction."""
    own = logits.gather(1, labels[:, None])
    earlier = torch.arange(logits.shape[1], device=logits.device) < labels[:, None]  # as argmax decides a tie
    likelier = (logits > own) | ((logits == own) & earlier)
    return torch.where(predicted(logits) < 0, logits.shape[1], likelier.sum(1))


def _in_box(points: Images) -> Tensor:
    return ((points >= 0) & (points <= 1)).flatten(1).all(1)

"""The frames of a gallery as they are kept, and what is counted of them. Nothing is drawn here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.report.seen import Evaluated
from assay.tally import fallen


@dataclass(frozen=True)
class Frames:
    """N pictures at F eps: `images` (N, F, C, H, W), `probability` (N, F, K), `verdict` (N, F)."""

    epsilons: list[float]
    attacks: list[str]
    pictures: list[dict[str, Any]]
    images: np.ndarray
    probability: np.ndarray
    verdict: np.ndarray


def read_frames(attacked: Evaluated, pictures: list[dict[str, Any]]) -> Frames | None:
    """The frames of a gallery's pictures; None where none are kept. ValueError if they are of other pictures."""
    if not attacked.folder.has("frames.json"):
        return None
    words, arrays = (
        attacked.folder.read_json("frames.json")["frames"],
        attacked.folder.read_arrays("frames.safetensors"),
    )
    steps = len({frame["eps"] for frame in words})
    if [frame["index"] for frame in words[::steps]] != [one["index"] for one in pictures]:
        raise ValueError(
            f"{attacked.folder.path / 'frames.json'} is damaged: its pictures are not those of gallery.json"
        )
    images, probability = (arrays[key].reshape(-1, steps, *arrays[key].shape[1:]) for key in ("images", "probability"))
    verdict = np.array([frame["verdict"] for frame in words]).reshape(-1, steps)
    first = words[:steps]
    epsilons, attacks = [float(frame["eps"]) for frame in first], [frame["attack"] for frame in first]
    return Frames(epsilons, attacks, pictures, images, probability, verdict)


def sums(live: Sequence[Frames]) -> list[tuple[float, list[dict[str, int]]]]:
    """At each eps of the slider, of each run how many of its pictures are broken, and how many there are."""
    return [(eps, [fallen(frames.verdict[:, at(frames, eps)]) for frames in live]) for eps in epsilons_of(live)]


def epsilons_of(live: Sequence[Frames]) -> list[float]:
    """The eps of the slider: those of all."""
    return sorted({eps for frames in live for eps in frames.epsilons})


def at(frames: Frames, eps: float) -> int:
    """The frame of the largest eps that is within this one."""
    return max(step for step, own in enumerate(frames.epsilons) if own <= eps)

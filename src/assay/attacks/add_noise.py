"""One noise for every image, fitted beforehand on others (assay.evaluate.universal)."""

from pathlib import Path

import safetensors.torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from assay.adversary.goal import Goal
from assay.adversary.threat import Threat
from assay.adversary.victim import Victim
from assay.attacks import attack
from assay.chance import Draws
from assay.files import reason


@attack(kind="fitted", access="labels", norms=("linf", "l2", "l1"))
def add_noise(
    victim: Victim,
    images: Float[Tensor, "B C H W"],
    goal: Goal,
    threat: Threat,
    draws: Draws,
    *,
    delta: str = "",
) -> Float[Tensor, "B C H W"]:
    """x + delta, at the nearest point that the threat allows (Moosavi-Dezfooli et al. 2017, arXiv 1610.08401).

    delta names a safetensors file with the noise `(C, H, W)`, in pixels of [0, 1], under the key "delta". The victim is
    not asked anything. Raises ValueError for a file that holds no such noise.
    """
    return noisy(images, read(delta, tuple(images.shape[1:])).to(images), threat)


def noisy(images: Float[Tensor, "B C H W"], delta: Float[Tensor, "C H W"], threat: Threat) -> Float[Tensor, "B C H W"]:
    """Every image with the same noise, as near to it as the threat allows."""
    return threat.project(images + delta, images)


def read(file: str, shape: tuple[int, ...]) -> Float[Tensor, "C H W"]:
    """The noise in a file; ValueError in one line if it is none for images of that shape."""
    if not file:
        raise ValueError('add_noise needs a noise that was fitted: write add_noise(delta="FILE.safetensors")')
    what = f"add_noise: delta {file!r}"
    if not Path(file).is_file():
        raise ValueError(f"{what}: there is no such file")
    try:
        arrays = safetensors.torch.load_file(file)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{what} cannot be read as safetensors: {reason(error)}") from error
    if "delta" not in arrays:
        raise ValueError(f"{what} has no 'delta' in it; it has {', '.join(sorted(arrays)) or 'nothing'}")
    delta = arrays["delta"]
    if tuple(delta.shape) != shape:
        raise ValueError(f"{what} is a noise of shape {tuple(delta.shape)}, the images have {shape}")
    if not (delta.is_floating_point() and delta.isfinite().all()):
        raise ValueError(f"{what} must hold finite numbers of floating point, got {delta.dtype}")
    return delta

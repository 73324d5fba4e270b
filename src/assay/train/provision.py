"""What a training stands on: where its images lie, what the process holds, what a network sees before it learns."""

import resource
import sys

import torch
from torch import Tensor

from assay.data import ImageSet
from assay.models.classifier import Classifier

WHITENED = 5000  # images that a network which whitens its input looks at


def whiten(classifier: Classifier, images: ImageSet) -> None:
    """Let a fresh network that wants it see what images look like; nothing for any other."""
    if hasattr(classifier.net, "whiten"):
        pixels = images.first(min(WHITENED, len(images))).pixels()
        classifier.net.whiten((pixels - classifier.mean) / classifier.spread)  # type: ignore[operator]


def peak_memory(device: torch.device) -> float:
    """MiB that this process has held at most so far: on its GPU, or in all."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def near(images: Tensor, device: torch.device) -> Tensor:
    """The images on the device, unless they would fill half of it: then they stay where they are."""
    if device.type == "cuda" and images.nbytes > torch.cuda.mem_get_info(device)[0] / 2:
        return images
    return images.to(device)

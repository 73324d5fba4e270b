"""The networks of the canaries: weights set by hand, and wrappers that change nothing which matters to an attack."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def with_others(first: Tensor, second: Tensor, others: int) -> Tensor:
    """Logits of two classes, and of others that are never the largest."""
    return torch.cat([torch.stack([first, second], 1), first.new_full((len(first), others), -12.0)], 1)


class Keys(nn.Module):
    """Five directions, each of which shows in the gradient only once the one before it has been gone along.

    A ReLU network with weights set by hand. What is gained is a₁ + Σ cⱼ relu(aⱼ + gate(zⱼ₋₁)), where aⱼ in [-1, 1] is
    how far the j-th block of pixels has been moved along its pattern, 1 for all that eps allows in linf. A single
    step, or steps along a gradient that is kept, gain 1.3 at most (without noise at the start); all the way gains 11.4.
    """

    WORTH = (1.0, 1.0, 1.0, 2.0, 4.0)
    LEAD, OPENS_AT, SLOPE = 0.3, 0.5, 5.0

    patterns: Tensor
    grey: Tensor

    def __init__(self, patterns: Tensor, grey: Tensor, need: float, others: int = 8) -> None:
        super().__init__()
        self.register_buffer("patterns", patterns)
        self.register_buffer("grey", grey)
        self.need, self.others = need, others

    def forward(self, images: Tensor) -> Tensor:
        along = (images - self.grey).flatten(1) @ self.patterns.T
        before = along[:, 0] + self.LEAD
        gained = self.WORTH[0] * (before - self.LEAD)
        for j in range(1, len(self.WORTH)):
            gate = -self.SLOPE * torch.relu(self.OPENS_AT - before)
            before = torch.relu(along[:, j] + gate + self.LEAD)
            gained = gained + self.WORTH[j] * before
        margin = 0.6 * (gained - self.need)
        return with_others(-margin, margin, self.others)


class Tent(nn.Module):
    """Fooled only near the middle of the way: who strides from one corner of the ball to the other passes it by."""

    pattern: Tensor
    grey: Tensor

    def __init__(self, pattern: Tensor, grey: Tensor, fall: float, others: int = 8) -> None:
        super().__init__()
        self.register_buffer("pattern", pattern)
        self.register_buffer("grey", grey)
        self.fall, self.others = fall, others

    def forward(self, images: Tensor) -> Tensor:
        beyond = (images - self.grey).flatten(1) @ self.pattern - 0.5
        margin = 3 * (0.42 + beyond - (1 + self.fall) * torch.relu(beyond))
        return with_others(-margin, margin, self.others)


class Wrapped(nn.Module):
    """Another network that answers the same, or the same up to what no attack may mind."""

    def __init__(self, net: nn.Module, scale: float = 1.0, shift: float = 0.0, order: Sequence[int] | None = None):
        super().__init__()
        self.net, self.scale, self.shift = net, scale, shift
        self.order = None if order is None else list(order)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.net(images) * self.scale + self.shift
        return logits if self.order is None else logits[:, self.order]


class Normalising(nn.Module):
    """Brings the images to mean 0 and spread 1 and back, inside, as a model that has its own mean and std does."""

    def __init__(self, net: nn.Module, mean: float = 0.4, std: float = 0.25) -> None:
        super().__init__()
        self.net, self.mean, self.std = net, mean, std

    def forward(self, images: Tensor) -> Tensor:
        normal = (images - self.mean) / self.std
        return self.net(normal * self.std + self.mean)


class Restless(nn.Module):
    """In eval mode the same as `net`. In train mode, batch norm and dropout make of it something else."""

    def __init__(self, net: nn.Module, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, eps=1e-12, affine=False)
        self.drop = nn.Dropout(0.5)
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        return self.net(self.drop(self.norm(images)))


class Mirror(nn.Module):
    """Images the other way round."""

    def forward(self, images: Tensor) -> Tensor:
        return images.flip(-1)

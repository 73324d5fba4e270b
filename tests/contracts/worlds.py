"""Small classifiers and images on which a fault of an attack shows."""

import torch
from torch import Tensor, nn
from torch.autograd import Function

SHAPE = (1, 4, 6)


def chosen(n: int, shape: tuple[int, ...] = SHAPE, seed: int = 5, levels: int = 8) -> Tensor:
    """Images of grey levels that are multiples of 1 / levels, drawn apart from any global generator."""
    own = torch.Generator().manual_seed(seed)
    return torch.randint(0, levels + 1, (n, *shape), generator=own) / levels


def corners(shape: tuple[int, ...] = SHAPE) -> Tensor:
    """Black, white, black and white, and grey."""
    return torch.cat([torch.zeros(1, *shape), torch.ones(1, *shape), chosen(4, shape, levels=1), chosen(4, shape)])


def small_net(shape: tuple[int, int, int] = SHAPE, classes: int = 3) -> nn.Module:
    """A network of every kind of layer that has a state, with parts in train and in eval mode, as a caller might."""
    channels, height, width = shape
    with torch.random.fork_rng():
        torch.manual_seed(11)
        net = nn.Sequential(
            nn.Conv2d(channels, 4, 3, padding=1),
            nn.BatchNorm2d(4),
            nn.Tanh(),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(4 * height * width, classes),
        )
        for parameter in net.parameters():
            parameter.grad = torch.randn_like(parameter)
    net[5].bias.requires_grad_(False)
    net[2].eval()
    net[4].eval()
    return net


class Steps(nn.Module):
    """Two classes, from how far the pixels have gone from grey along a pattern: 1 is as far as eps reaches."""

    def __init__(self, norm: str, eps: float) -> None:
        super().__init__()
        signs = 1 - 2 * (torch.arange(24) % 2).float()
        parts = torch.stack([signs * (torch.arange(24) < 12), signs * (torch.arange(24) >= 12)])
        length = parts.norm(p={"linf": 1, "l2": 2, "l1": torch.inf}[norm], dim=1)
        self.register_buffer("patterns", parts / (length[:, None] * eps))

    def along(self, images: Tensor) -> tuple[Tensor, Tensor]:
        first, second = ((images - 0.5).flatten(1) @ self.patterns.T).unbind(1)
        return first, second

    def margins(self, gain: Tensor) -> Tensor:
        return torch.stack([-3 * gain, 3 * gain], 1)


class Bent(Steps):
    """Its gradient turns on the way: only who asks again gets as far as `needed`."""

    def __init__(self, norm: str, eps: float) -> None:
        super().__init__(norm, eps)
        self.turn = {"linf": 2, "l2": 2, "l1": 5}[norm]
        self.needed = {"linf": 1.6, "l2": 1.12, "l1": 1.05}[norm]  # of at most 2, 1.25 and 1.11; straight on: 1

    def forward(self, images: Tensor) -> Tensor:
        first, second = self.along(images)
        return self.margins(first.clamp_max(1) + self.turn * (first - 0.5).relu() * second - self.needed)


class Gate(Steps):
    """It is fooled on a stretch of the way only, and its gradient leads through and beyond."""

    def forward(self, images: Tensor) -> Tensor:
        first, _ = self.along(images)
        fooled = ((first > 0.35) & (first < 0.65)).float() - 0.5
        return self.margins(fooled.detach() + first - first.detach())


class Stubborn(nn.Module):
    """Linear, with a gradient to follow, and never of another opinion."""

    def __init__(self, pixels: int = 24) -> None:
        super().__init__()
        self.register_buffer("weights", 1 - 2 * (torch.arange(pixels) % 2).float() + torch.arange(pixels) / pixels)

    def forward(self, images: Tensor) -> Tensor:
        drive = images.flatten(1) @ (self.weights / self.weights.abs().sum())
        return torch.stack([6 - drive, drive, drive - 9], 1)


class Flat(nn.Module):
    """It answers the same to everything: points that it has seen show where an attack has started."""

    def forward(self, images: Tensor) -> Tensor:
        return 0 * images.flatten(1)[:, :3] + torch.tensor([1.0, 0.0, -1.0])


class Brittle(nn.Module):
    """Its logits are NaN for any image that is not made of eighths, and of all corners of the box."""

    def forward(self, images: Tensor) -> Tensor:
        off = ((images * 8).frac() != 0).flatten(1).any(1)
        corner = ((images == 0) | (images == 1)).flatten(1).all(1)
        return Stubborn()(images).masked_fill((off | corner)[:, None], torch.nan)


class Lopsided(nn.Module):
    """It has no gradient to follow, and its logits are NaN where the first pixel is darker than grey."""

    def forward(self, images: Tensor) -> Tensor:
        return Flat()(images).masked_fill((images[:, 0, 0, :1] < 0.5), torch.nan)


class _NoGradient(Function):
    @staticmethod
    def forward(ctx, images: Tensor) -> Tensor:
        ctx.save_for_backward(images)
        return images.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> Tensor:
        (images,) = ctx.saved_tensors
        gradient = gradient.clone()
        gradient[:, 0, 0, 0] = 0  # what has no eps would else walk from the dark into the light
        return gradient.masked_fill(lit(images)[:, None, None, None], torch.nan)


def lit(images: Tensor) -> Tensor:
    """Whether an image's first pixel is above a half."""
    return images[:, 0, 0, 0] > 0.5


class Gradientless(nn.Module):
    """Its logits are finite, and its gradient is NaN where the first pixel is above a half."""

    def forward(self, images: Tensor) -> Tensor:
        return Stubborn()(_NoGradient.apply(images))


class _Metered(Function):
    @staticmethod
    def forward(ctx, images: Tensor, meter: "Meter") -> Tensor:
        ctx.meter = meter
        return images.clone()

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        ctx.meter.backwards += len(gradient)
        return gradient, None


class Meter(nn.Module):
    """A classifier that counts for itself, and that can be told to fail."""

    def __init__(self, classifier: nn.Module, fail_at: int | None = None) -> None:
        super().__init__()
        self.classifier = classifier
        self.fail_at = fail_at
        self.forwards = self.backwards = 0

    def forward(self, images: Tensor) -> Tensor:
        self.forwards += len(images)
        if self.fail_at is not None and self.forwards > self.fail_at:
            raise RuntimeError("the classifier failed")
        return self.classifier(_Metered.apply(images, self))

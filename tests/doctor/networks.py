"""Networks with real skill on the embedded digits, and what can be wrong with one: each fault with its right names."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from assay.chance import seeded
from assay.data import load

Make = Callable[[], nn.Module]
WRONG: dict[str, tuple[Make, tuple[str, ...]]] = {}


def cases() -> tuple[Tensor, Tensor]:
    """64 images of the test split and their labels."""
    images = load("digits", "test", 64)
    return images.pixels(), images.labels


def learn(net: nn.Module, images: Tensor, labels: Tensor, steps: int = 60, noise: float = 0.0) -> nn.Module:
    """A few steps of Adam on all images at once; the net in eval mode."""
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        shown = images + noise * torch.randn_like(images)
        F.cross_entropy(net(shown), labels).backward()
        optimizer.step()
    net.zero_grad()
    return net.eval()


@cache
def taught(make: Make, images: int = 400, steps: int = 60, noise: float = 0.0) -> nn.Module:
    """What `make` makes, taught digits. To be copied, not to be changed."""
    digits = load("digits", "train", images)
    with seeded(0, "weights"):
        return learn(make(), digits.pixels(), digits.labels, steps, noise)


def small(width: int = 48) -> nn.Sequential:
    """The plain one, that all faults are put into."""
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def skilled() -> nn.Module:
    """A copy of the plain one that has learnt."""
    return copy.deepcopy(taught(small))


class Altered(nn.Module):
    """A net, with something done to the pixels before it and to the logits after it."""

    def __init__(
        self, before: Callable[[Tensor], Tensor] | None = None, after: Callable[[Tensor], Any] | None = None,
        net: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.net = skilled() if net is None else net
        self.before, self.after = before or (lambda x: x), after or (lambda x: x)

    def forward(self, images: Tensor) -> Any:
        return self.after(self.net(self.before(images)))


def fault(*names: str) -> Callable[[Make], Make]:
    """Register a wrong network with the names that are right for it."""

    def register(make: Make) -> Make:
        WRONG[make.__name__] = (make, names)
        return make

    return register


def plain(name: str, names: tuple[str, ...], before: Any = None, after: Any = None) -> None:
    """Register the plain net with a fault before or after it."""
    WRONG[name] = (lambda: Altered(before, after), names)


def straight_through(images: Tensor, changed: Tensor) -> Tensor:
    return images + (changed - images).detach()


def rooted(logits: Tensor) -> Tensor:
    """The same numbers, by way of a root whose slope at zero is infinite."""
    zero = logits - logits.detach()
    return logits + zero.abs().sqrt() * 0


SWAP = [0, 1, 2, 8, 4, 5, 6, 7, 3, 9]
plain("softmax", ("softmax-output",), after=lambda logits: logits.softmax(1))
plain("log_softmax", ("log-softmax-output",), after=lambda logits: logits.log_softmax(1))
plain("saturated", ("saturated-gradient",), after=lambda logits: 200 * logits)
plain("rounds", ("zero-gradient", "rounds-inside"), before=lambda x: (x * 15).round() / 15)
plain("rounds_straight_through", ("rounds-inside",), before=lambda x: straight_through(x, (x * 15).round() / 15))
plain("eight_bits_straight_through", ("rounds-inside",), before=lambda x: straight_through(x, (x * 255).floor() / 255))
plain("eight_bits", ("zero-gradient", "rounds-inside"), before=lambda x: (x * 255).to(torch.uint8).float() / 255)
plain("thresholds", ("zero-gradient", "rounds-inside"), before=lambda x: (x > 0.4).float())
plain("thresholds_straight_through", ("rounds-inside",), before=lambda x: straight_through(x, (x > 0.4).float()))
plain("detached", ("zero-gradient",), before=lambda x: x.detach())
plain("by_numpy", ("zero-gradient",), before=lambda x: torch.from_numpy(x.detach().numpy() * 1))
plain("answers_a_class", ("softmax-output", "zero-gradient"), after=lambda logits: F.one_hot(logits.argmax(1), 10))
plain("nan_logits", ("nan-output",), after=lambda logits: logits / (logits.argmax(1, keepdim=True) != 3))
plain("nan_gradient", ("nan-gradient",), after=rooted)
plain("nan_gradient_at_black", ("nan-gradient",), before=lambda x: x.sqrt().square())
plain("noise", ("random-output",), before=lambda x: x + 0.1 * torch.randn_like(x))
plain("dropout_by_function", ("random-output", "train-mode"), before=lambda x: F.dropout(x, 0.2))
plain("batch_mean", ("batch-dependent",), after=lambda logits: logits - logits.mean(0))
plain("batch_range", ("batch-dependent",), before=lambda x: (x - x.mean()) / x.std() * 0.37 + 0.3)
plain(
    "batch_norm_by_function", ("batch-dependent", "crashes"), after=lambda x: F.batch_norm(x, None, None, training=True)
)
plain("squeezes", ("crashes",), after=lambda logits: logits.squeeze())
plain("0_to_255", ("wrong-pixel-scale",), before=lambda x: x / 255)
plain("-1_to_1", ("wrong-pixel-scale",), before=lambda x: (x + 1) / 2)
plain("normalised", ("wrong-pixel-scale",), before=lambda x: x * 0.3081 + 0.1307)
plain("ink_is_black", ("wrong-pixel-scale",), before=lambda x: 1 - x)
plain("classes_moved_on", ("classes-permuted",), after=lambda logits: logits.roll(1, 1))
plain("two_classes_swapped", ("classes-permuted",), after=lambda logits: logits[:, SWAP])
plain("eight_outputs", ("fewer-outputs-than-classes",), after=lambda logits: logits[:, :8])
plain("tuple", ("crashes",), after=lambda logits: (logits, logits))
plain("dictionary", ("crashes",), after=lambda logits: {"logits": logits})
plain("other_size", ("crashes",), before=lambda x: F.pad(x, (1, 1, 1, 1)))
plain("one_number", ("crashes",), after=lambda logits: logits[:, 0])
plain("flattens_the_batch", ("crashes",), after=lambda logits: logits.flatten())
plain("writes_into_its_images", ("crashes",), before=lambda x: x.mul_(1.0))


class AwakeDropout(nn.Dropout):
    """Does not hear self.training."""

    def forward(self, images: Tensor) -> Tensor:
        return F.dropout(images, self.p, training=True)


@fault("random-output", "train-mode")
def dropout_that_ignores_eval() -> nn.Module:
    return nn.Sequential(AwakeDropout(0.3), skilled())


class AwakeNorm(nn.BatchNorm1d):
    """Calls itself to train in each forward pass."""

    def forward(self, images: Tensor) -> Tensor:
        self.training = True
        return super().forward(images)


def with_norm() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 10))


@fault("train-mode")
def batch_norm_that_stays_in_train_mode() -> nn.Module:
    net = copy.deepcopy(taught(with_norm))
    awake = AwakeNorm(48)
    awake.load_state_dict(net[2].state_dict())  # type: ignore[index]
    net[2] = awake  # type: ignore[operator]
    return net


class Winners(nn.Module):
    """Only the k largest units of a layer pass (Xiao et al. 2020, arXiv 1905.10510)."""

    def __init__(self, share: float = 0.1) -> None:
        super().__init__()
        self.share = share

    def forward(self, units: Tensor) -> Tensor:
        least = units.topk(max(1, int(self.share * units.shape[1])), 1).values[:, -1:]
        return units * (units >= least)


def with_winners() -> nn.Sequential:
    wide = 1024
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, wide), Winners(0.02), nn.Linear(wide, wide), Winners(0.02), nn.Linear(wide, 10)
    )


@fault("shattered-gradient", "saturated-gradient", "zero-gradient")
def k_winners() -> nn.Module:
    net = copy.deepcopy(taught(with_winners, steps=25))
    with torch.no_grad():  # far from the few images that it was taught on, as the authors' wide nets are
        net[1].bias.normal_(0, 0.01, generator=torch.Generator().manual_seed(0))  # type: ignore[index,union-attr]
    return net

"""Numbers for each image from (seed, image index, purpose): the same on any device, in any batch, order or shard.

A counter-based generator: nothing is consumed, so nothing depends on what was drawn before. The integer mixing
function is the finaliser of splitmix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

Purpose = str | int
MEMBERS_OF_INT64 = 1 << 64
GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Draws:
    """The chance of a set of images: `index` names each image, so that it draws the same wherever it stands."""

    seed: int
    index: Int64[Tensor, "B"]

    def __getitem__(self, rows: Tensor | slice) -> "Draws":
        return Draws(self.seed, self.index[rows])

    def bits(self, shape: tuple[int, ...], *purpose: Purpose) -> Int64[Tensor, "B ..."]:
        """64 random bits per image and place, bit-equal on every device."""
        start = _mix(_mix(self.index) ^ _key(self.seed, *purpose))
        size = torch.Size(shape).numel()
        places = torch.arange(1, size + 1, device=self.index.device) * _signed(GOLDEN)
        return _mix(start[:, None] + places).reshape(len(self.index), *shape)

    def uniform(self, shape: tuple[int, ...], *purpose: Purpose) -> Float[Tensor, "B ..."]:
        """float32 in [0, 1), multiples of 2**-24, bit-equal on every device."""
        return _shift(self.bits(shape, *purpose), 40).float() * 2.0**-24

    def integers(self, high: int, shape: tuple[int, ...], *purpose: Purpose) -> Int64[Tensor, "B ..."]:
        """Integers in [0, high), bit-equal on every device."""
        return _shift(self.bits(shape, *purpose), 1) % high

    def normal(self, shape: tuple[int, ...], *purpose: Purpose) -> Float[Tensor, "B ..."]:
        """Standard normal float32; across devices equal to the last bits only."""
        return as_normal(self.uniform(shape, *purpose))


def named_by_pixels(images: Float[Tensor, "B ..."]) -> Int64[Tensor, "B"]:
    """An index for each image that is known by nothing but its float32 pixels: equal images have equal ones."""
    bits = (images.float() + 0.0).contiguous().view(torch.int32).flatten(1).long()  # + 0.0: -0.0 is 0.0
    places = torch.arange(1, bits.shape[1] + 1, device=images.device) * _signed(GOLDEN)
    return _mix(_mix(bits) ^ _mix(places)).sum(1)


def as_normal(uniform: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The standard normal number at each uniform number's quantile."""
    return torch.special.ndtri(uniform.double() + 2.0**-25).float()


def derive(seed: int, *purpose: Purpose) -> int:
    """Another seed, for one purpose of this one."""
    return _key(seed, *purpose) % (1 << 63)


def permutation(n: int, seed: int, *purpose: Purpose) -> Int64[Tensor, "n"]:
    """A random order of 0 … n-1."""
    return torch.argsort(Draws(seed, torch.arange(n)).bits((), *purpose), stable=True)


@contextmanager
def seeded(seed: int, *purpose: Purpose) -> Iterator[None]:
    """Seed torch's global generator for what insists on it (weights, dropout), and give it back as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(derive(seed, *purpose))
        yield


def _key(*parts: Purpose) -> int:
    return _signed(int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little"))


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shift(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shift(z, 27)) * _signed(0x94D049BB133111EB)
    return z ^ _shift(z, 31)


def _shift(z: Tensor, by: int) -> Tensor:
    """Shift right without the sign, which torch's `>>` would copy."""
    return (z >> by) & ((1 << (64 - by)) - 1)


def _signed(number: int) -> int:
    return number - MEMBERS_OF_INT64 if number >= MEMBERS_OF_INT64 // 2 else number

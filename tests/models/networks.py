"""Networks that are hard to describe: layers used twice, used from outside, or not at all."""

import warnings

import torch
from torch import Tensor, nn


class Shared(nn.Module):
    """A layer under two names, called twice; and one that shares a weight only."""

    def __init__(self) -> None:
        super().__init__()
        self.flat = nn.Flatten()
        self.twice = nn.Linear(12, 12)
        self.again = self.twice
        self.tied = nn.Linear(12, 12)
        self.tied.weight = self.twice.weight
        self.end = nn.Linear(12, 4, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.end(self.tied(self.again(self.twice(self.flat(images)))))
        return logits


class Tokens(nn.Module):
    """A class token, attention, a layer that nobody calls, and one that answers no tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, 8))
        self.more = nn.ParameterList([nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(()))])
        self.patches = nn.Conv2d(3, 8, 2, 2)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)
        self.memory = nn.LSTM(8, 5, batch_first=True)
        self.unused = nn.Linear(7, 6)
        self.end = nn.Linear(5, 10)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1)
        tokens = tokens + self.attend(tokens, tokens, tokens)[0]
        logits: Tensor = self.end(self.memory(input=tokens)[0][:, 0])
        return logits


class Failing(nn.Module):
    """It fails behind its first layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)

    def forward(self, images: Tensor) -> Tensor:
        self.first(images)
        raise RuntimeError("no more")


def shared() -> nn.Module:
    return Shared()


def tokens() -> nn.Module:
    return Tokens()


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch would have us compile
        script: nn.Module = torch.jit.script(nn.Linear(3072, 10))
    return nn.Sequential(nn.Flatten(), script)

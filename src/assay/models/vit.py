"""A vision transformer for small images: patches as tokens, attention over all of them or inside windows."""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.init import trunc_normal_
from torch.nn.parameter import Parameter

from assay.spec import Count

SPREAD = 0.02  # the standard deviation of initial weights, as in the paper's code
GROWTH = 2  # how many times wider a block is inside its MLP
SHORT = 256  # tokens up to which all pairs of them are held at once


class Patches(nn.Module):
    """The image cut into squares, each of them a token; zeros at the right and at the bottom fill the last ones."""

    def __init__(self, channels: int, width: int, patch: int, multiple: int) -> None:
        super().__init__()
        self.multiple = multiple
        self.project = nn.Conv2d(channels, width, patch, patch)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B h w D"]:
        down, right = (-side % self.multiple for side in images.shape[2:])
        answer: Tensor = self.project(F.pad(images, (0, right, 0, down)))
        return answer.permute(0, 2, 3, 1)


class Positions(nn.Module):
    """A learnt vector for each place, added to the token there."""

    def __init__(self, rows: int, columns: int, width: int) -> None:
        super().__init__()
        self.table = Parameter(trunc_normal_(torch.empty(rows, columns, width), std=SPREAD))

    def forward(self, tokens: Float[Tensor, "B h w D"]) -> Float[Tensor, "B h w D"]:
        return tokens + self.table


class Attention(nn.Module):
    """Each token asks all others, or with a window only those of its window×window square."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.ask = nn.Linear(width, 3 * width)  # queries, keys and values
        self.answer = nn.Linear(width, width)

    def forward(self, tokens: Float[Tensor, "B h w D"]) -> Float[Tensor, "B h w D"]:
        size = tokens.shape
        rows, columns = (self.window, self.window) if self.window else size[1:3]
        squares = tokens.unflatten(2, (-1, columns)).unflatten(1, (-1, rows)).transpose(2, 3)  # B, h/r, w/c, r, c, D
        asked = self.ask(squares.reshape(-1, rows * columns, size[3])).unflatten(2, (3, self.heads, -1))
        heard = attend(*asked.permute(2, 0, 3, 1, 4))
        answer: Tensor = self.answer(heard.transpose(1, 2).flatten(2))
        return answer.reshape(squares.shape).transpose(2, 3).reshape(size)


def attend(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """The mean of the values, weighed by the softmax of their keys' products with a query (arXiv 1706.03762, eq. 1).

    Few tokens are weighed by hand: in bfloat16 on a CPU torch's own function takes three to eight times as long.
    """
    if keys.shape[-2] > SHORT:
        return F.scaled_dot_product_attention(queries, keys, values)
    products = (queries * queries.shape[-1] ** -0.5) @ keys.mT
    return products.softmax(-1) @ values


class Block(nn.Module):
    """Attention, then an MLP of two layers for each token; each normed before, and added to what came in."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.widen = nn.Linear(width, GROWTH * width)
        self.activation = nn.GELU()
        self.narrow = nn.Linear(GROWTH * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.narrow(self.activation(self.widen(self.norm2(tokens))))


class Mean(nn.Module):
    """Over all tokens."""

    def forward(self, tokens: Float[Tensor, "B h w D"]) -> Float[Tensor, "B D"]:
        return tokens.mean((1, 2))


def vit(
    shape: tuple[int, int, int],
    classes: int,
    *,
    patch: Count | None = None,
    depth: Count = 6,
    width: Count = 96,
    heads: Count = 3,
    window: Count | None = None,
    positions: bool = True,
) -> nn.Module:
    """Dosovitskiy et al. 2021 (arXiv 2010.11929), small: no class token, but the mean of all tokens before the head.

    460 714 parameters for 3×32×32 and 10 classes; any image of at least 8×8 fits. patch: its side in pixels, by default
    an eighth of the shorter side. window: its side in patches; then every second block, the first among them, attends
    inside windows only (Li et al. 2022, arXiv 2203.16527, mix them so). positions=False: the tokens are a bag.
    """
    channels, *sides = shape
    low = max(8, patch or 0)
    if min(sides) < low:
        raise ValueError(f"vit takes images of at least {low}×{low}, got {sides[0]}×{sides[1]}")
    if width % heads:
        raise ValueError(f"vit: width must be a multiple of heads, got width={width} and heads={heads}")
    patch = patch or min(sides) // 8
    multiple = patch * (window or 1)
    rows, columns = (-(-side // multiple) * multiple // patch for side in sides)
    layers: dict[str, nn.Module] = {"patches": Patches(channels, width, patch, multiple)}
    if positions:
        layers["positions"] = Positions(rows, columns, width)
    for number in range(depth):
        local = window if window and number % 2 == 0 else 0
        layers[f"block{number + 1}"] = Block(width, heads, local)
    layers |= {"norm": nn.LayerNorm(width), "mean": Mean()}
    net = nn.Sequential(OrderedDict(layers, linear=nn.Linear(width, classes)))
    for part in net.modules():
        if isinstance(part, nn.Linear):
            trunc_normal_(part.weight, std=SPREAD)
            nn.init.zeros_(part.bias)
    return net

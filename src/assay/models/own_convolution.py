"""A convolution by hand: the windows of an image as columns, and matrix products forward and back."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Pair = tuple[int, int]


class Windows(NamedTuple):
    """Which windows of an image a kernel meets, in pixels: (height, width) each."""

    kernel: Pair
    stride: Pair
    padding: Pair

    def columns(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K N"]:
        """The N windows, each a column of its K = C·kernel numbers."""
        return F.unfold(images, self.kernel, padding=self.padding, stride=self.stride)

    def images(self, columns: Float[Tensor, "B K N"], size: Sequence[int]) -> Float[Tensor, "B C H W"]:
        """The transpose of `columns`: each pixel is the sum of what stands at its place in all windows."""
        return F.fold(columns, (size[0], size[1]), self.kernel, padding=self.padding, stride=self.stride)

    def size(self, size: Sequence[int]) -> list[int]:
        """The height and width of the answer to images of that height and width."""
        sides = zip(size, self.kernel, self.stride, self.padding, strict=True)
        return [(side + 2 * padding - kernel) // stride + 1 for side, kernel, stride, padding in sides]


class Convolve(torch.autograd.Function):
    """The cross-correlation that is called convolution, and its three gradients, each only where somebody wants it.

    The columns are made again on the way back: kept, they would take a kernel's size times the memory of the images.
    """

    @staticmethod
    def forward(
        ctx: Any,
        images: Float[Tensor, "B C H W"],
        weight: Float[Tensor, "O C h w"],
        bias: Float[Tensor, "O"] | None,
        windows: Windows,
    ) -> Float[Tensor, "B O H2 W2"]:
        of_images, of_weight = ctx.needs_input_grad[:2]
        ctx.save_for_backward(images if of_weight else None, weight if of_images else None)
        ctx.windows, ctx.size, ctx.kernel = windows, images.shape, weight.shape
        answer = weight.flatten(1) @ windows.columns(images)
        if bias is not None:
            answer += bias[:, None]
        return answer.unflatten(2, windows.size(images.shape[2:]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, "B O H2 W2"]) -> tuple[Tensor | None, ...]:
        images, weight = ctx.saved_tensors
        of_images, of_weight, of_bias = ctx.needs_input_grad[:3]
        up = gradient.flatten(2)
        to_images = to_weight = None
        if of_images:
            to_images = ctx.windows.images(weight.flatten(1).mT @ up, ctx.size[2:])
        if of_weight:  # one product over all images and places
            columns = ctx.windows.columns(images)
            to_weight = (up.transpose(0, 1).flatten(1) @ columns.transpose(0, 1).flatten(1).mT).reshape(ctx.kernel)
        return to_images, to_weight, up.sum((0, 2)) if of_bias else None, None


class OwnConv2d(nn.Conv2d):
    """nn.Conv2d with the sums of `Convolve`: its parameters, its names, its initial weights.

    It is one to whoever looks at layers. Groups, dilation and padding other than zeros are not there.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        self.windows = Windows(_pair(self.kernel_size), _pair(self.stride), _pair(self.padding))

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        kind = input.device.type
        if torch.is_autocast_enabled(kind) and input.dtype != torch.float64:  # autocast knows no function of ours
            cast = torch.get_autocast_dtype(kind)
            input, weight, bias = input.to(cast), weight.to(cast), None if bias is None else bias.to(cast)
        answer: Tensor = Convolve.apply(input, weight, bias, self.windows)
        return answer


def _pair(sides: Sequence[int] | str) -> Pair:
    assert not isinstance(sides, str)  # "same" and "valid" are not among the types of padding
    return sides[0], sides[1]

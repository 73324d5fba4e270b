"""Three stages of normed convolutions and one mean over the whole image: small_cnn's successor, of our own design."""

from collections.abc import Iterator

from torch import nn

from assay.spec import Count

STAGES = 3
WIDEST = 32  # pixels that the first stage works on, whatever the image


def better_cnn(
    shape: tuple[int, int, int],
    classes: int,
    *,
    norm: bool = True,
    depth: Count = 2,
    kernel: Count = 3,
    stride: Count | None = None,
    width: Count = 32,
) -> nn.Module:
    """Stages of width, 2·width and 4·width channels with `depth` convolutions each, batch norm (arXiv 1502.03167) and
    ReLU after each, 2×2 pools between; the mean over all places (Lin et al., arXiv 1312.4400) and one output per class.

    288 746 parameters for 3×32×32 and 10 classes; any image of at least 4×4 fits. stride of the first convolution: by
    default what brings the shorter side to about 32, so that large images cost no more; its kernel grows with it.
    """
    channels, *sides = shape
    stride = stride or max(1, min(sides) // WIDEST)
    low = stride * 2 ** (STAGES - 1)
    if min(sides) < low:
        raise ValueError(f"better_cnn takes images of at least {low}×{low}, got {sides[0]}×{sides[1]}")

    def layers() -> Iterator[nn.Module]:
        before = channels
        for stage in range(STAGES):
            if stage:
                yield nn.MaxPool2d(2)
            for place in range(depth):
                first = stage == place == 0
                size = max(kernel, 2 * stride - 1) if first else kernel  # no pixel is stepped over
                after = width * 2**stage
                layer = nn.Conv2d(before, after, size, stride if first else 1, padding=size // 2, bias=not norm)
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")  # without norm it hardly learns from torch's
                yield layer
                if norm:
                    yield nn.BatchNorm2d(after)
                yield nn.ReLU()
                before = after

    end = width * 2 ** (STAGES - 1)
    return nn.Sequential(*layers(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(end, classes))

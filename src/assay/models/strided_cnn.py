"""Two strided convolutions and two linear layers, without pools: small, and easily bounded."""

from torch import nn

from assay.spec import Count


def strided_cnn(shape: tuple[int, int, int], classes: int, *, width: Count = 16) -> nn.Module:
    """The small network of Wong and Kolter 2018 (arXiv 1711.00851, §5.1): convolutions of width and 2·width channels
    (4×4, stride 2, padding 1), then 100 and one output for each class.

    166 406 parameters for 1×28×28 and 10 classes; any image of at least 4×4 fits.
    """
    channels, height, width_of_image = shape
    if min(height, width_of_image) < 4:
        raise ValueError(f"strided_cnn takes images of at least 4×4, got {height}×{width_of_image}")
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 4, 2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * width * (height // 4) * (width_of_image // 4), 100),
        nn.ReLU(),
        nn.Linear(100, classes),
    )

"""The network of mnist_cnn with batch norm after each pool."""

from torch import nn


def mnist_cnn_bn(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """As mnist_cnn, and what each pool returns is normalised per channel (Ioffe and Szegedy 2015, arXiv 1502.03167).

    799 206 parameters for 1×28×28 and 10 classes; any image of at least 4×4 fits.
    """
    channels, height, width = shape
    if min(height, width) < 4:
        raise ValueError(f"mnist_cnn_bn takes images of at least 4×4, got {height}×{width}")
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(32),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(32),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 500),
        nn.ReLU(),
        nn.Linear(500, classes),
    )

"""Two convolutions and two linear layers: the network that MNIST is usually met with."""

from torch import nn


def mnist_cnn(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Convolutions of 32 and 32 channels (3×3, padding 1), each pooled 2×2, then 500 and one output for each class.

    799 078 parameters for 1×28×28 and 10 classes; any image of at least 4×4 fits.
    """
    channels, height, width = shape
    if min(height, width) < 4:
        raise ValueError(f"mnist_cnn takes images of at least 4×4, got {height}×{width}")
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 4) * (width // 4), 500),
        nn.ReLU(),
        nn.Linear(500, classes),
    )

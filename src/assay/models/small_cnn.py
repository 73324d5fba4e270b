"""Three convolutions and two linear layers: a first network for small colour images."""

from torch import nn


def small_cnn(shape: tuple[int, int, int], classes: int) -> nn.Module:
    """Convolutions of 8, 16 and 32 channels (3×3, padding 1), each pooled 2×2, then 128 and one output for each class.

    72 986 parameters for 3×32×32 and 10 classes; any image of at least 8×8 fits.
    """
    channels, height, width = shape
    if min(height, width) < 8:
        raise ValueError(f"small_cnn takes images of at least 8×8, got {height}×{width}")
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * (height // 8) * (width // 8), 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    )

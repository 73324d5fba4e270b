"""A network looks at the picture: one file for each architecture, with one function named like it.

architecture(shape, classes, *, settings) -> nn.Module      shape (C, H, W), classes a number; it returns logits

A network with a method `whiten(images)` is shown some of its training images before it learns, normalised as they will
come: `classifier.net.whiten(images)`, float (N, C, H, W). Without that it works, and learns more slowly.
"""

from assay.spec import Folder

MODELS = Folder(
    "assay.models", helpers=("black_box", "classifier", "intervals", "layers", "own_convolution", "weights", "yours")
)

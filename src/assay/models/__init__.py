"""A network looks at the picture: one file for each architecture, with one function named like it.

architecture(shape, classes, *, settings) -> nn.Module      shape (C, H, W), classes a number; it returns logits
"""

from assay.spec import Folder

MODELS = Folder("assay.models", helpers=("black_box", "classifier", "layers", "weights", "yours"))

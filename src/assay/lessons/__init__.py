"""The same by hand: each lesson computes twice, on paper and by torch, and may not differ. `print(lessons.gradient())`.

One lesson, one file, one function named like it. Its settings are the user's own numbers.
"""

from assay.lessons.convolution import convolution
from assay.lessons.gradient import gradient
from assay.lessons.iterated_attack import iterated_attack
from assay.lessons.loss import loss
from assay.lessons.own_convolution import own_convolution
from assay.lessons.paper.page import Lesson
from assay.lessons.parameters import parameters
from assay.lessons.pooling import pooling
from assay.lessons.softmax_twice import softmax_twice
from assay.lessons.threat_model import threat_model
from assay.lessons.true_or_false import true_or_false

__all__ = [
    "Lesson",
    "convolution",
    "gradient",
    "iterated_attack",
    "loss",
    "own_convolution",
    "parameters",
    "pooling",
    "softmax_twice",
    "threat_model",
    "true_or_false",
]

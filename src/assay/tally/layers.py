"""How far the answers of layers move when their images are attacked."""

from collections.abc import Sequence

import numpy as np

from assay.tally.table import Table


def moved(clean: np.ndarray, attacked: np.ndarray) -> np.ndarray:
    """How far each row moves, of its size: |a′ − a| / |a| with the Euclidean length; 0 where nothing moves."""
    before = clean.reshape(len(clean), -1).astype(np.float64)
    far = np.linalg.norm(attacked.reshape(before.shape).astype(np.float64) - before, axis=1)
    found: np.ndarray = np.divide(far, np.maximum(np.linalg.norm(before, axis=1), 1e-12))
    return found


def moved_words(arrays: Table, layers: Sequence[str]) -> list[str]:
    """Of an explanation with attacked twins a line for the images and for each layer."""
    pairs = [("image", arrays["images"] / 255, arrays["attacked"])]
    pairs += [(name, arrays[f"map.{name}"], arrays[f"attacked.{name}"]) for name in layers]
    shares = [(name, moved(clean, attacked)) for name, clean, attacked in pairs]
    return [
        f"{name}: moved by {far.mean():.2g} of its size, {far.min():.2g} to {far.max():.2g}" for name, far in shares
    ]

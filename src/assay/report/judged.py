"""What was checked of a method's maps, counted again from the numbers of each image. Nothing is drawn here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.quality import judge
from assay.run_folder import Folder


@dataclass(frozen=True)
class Judged:
    """The checks of one method on one model, its place among the models, and what was counted again."""

    name: str
    place: int
    arrays: Mapping[str, np.ndarray]
    figures: dict[str, Any]


def judged(name: str, place: int, folder: Folder) -> Judged | None:
    """None where nobody has checked. ValueError where a file is damaged."""
    if not folder.read_json("config.json").get("checked"):
        return None
    folder.read_json("quality.json")
    arrays = folder.read_arrays("quality.safetensors")
    return Judged(name, place, arrays, judge(arrays))

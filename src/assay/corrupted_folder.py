"""RUN/corruptions/NAME/: what `assay corrupt` writes and a report reads. No torch in here.

config.json env.json results.json images.parquet (a row for each image; columns: see tally.corrupted)
examples.safetensors (one image under each corruption, at strength 0 to 5, as uint8)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from assay.contents import SHARE
from assay.run_folder import Folder, Run
from assay.soundness import wrong_labels
from assay.tally import column, corrupted

KIND = "corruptions"
MEAN = {"n": int, "share": float, "low": float, "high": float}
WANTED: Mapping[str, Any] = {
    "config.json": {
        **{"data": str, "split": str, "n": int, "fingerprint": str, "classes": list[str], "shape": list[int]},
        **{"seed": int, "weights": str, "trained_on": int | None, "device": str},
        "access": str | None,
        "corruptions": [{"name": str, "amounts": list[float], "unit": str}],
    },
    "env.json": {},
    "results.json": {
        "clean": SHARE,
        "mean": MEAN,
        "each": [{"corruption": str, **MEAN}],
        "lines": [
            {"corruption": str, "strength": int, **SHARE, "ece": float | None, "confidence": float | None},
        ],
    },
    "examples.safetensors": {"images"},
}


@dataclass(frozen=True)
class Corrupted(Folder):
    """The folder of one look at corrupted images."""

    wanted: ClassVar[Mapping[str, Any]] = WANTED

    def _wrong(self, name: str, content: Any) -> str:
        if name == "config.json":
            return _wrong_settings(content)
        if name not in ("images.parquet", "examples.safetensors"):
            return ""
        config = self.read_json("config.json")
        return _wrong_table(content, config) if name == "images.parquet" else _wrong_examples(content["images"], config)


def corrupted_of(run: Run, name: str) -> Corrupted:
    """That folder of a run."""
    return Corrupted(run.path / KIND / name)


def names_of(config: Mapping[str, Any]) -> list[str]:
    """The corruptions that a config.json tells of."""
    return [str(one["name"]) for one in config["corruptions"]]


def strengths_of(config: Mapping[str, Any]) -> list[int]:
    """From 1 to as many as there are amounts."""
    return list(range(1, 1 + len(config["corruptions"][0]["amounts"])))


def figures_of(folder: Corrupted) -> dict[str, Any]:
    """Every figure, counted from its table."""
    config = folder.read_json("config.json")
    return corrupted(folder.read_table("images.parquet"), names_of(config), strengths_of(config))


def _wrong_settings(config: Mapping[str, Any]) -> str:
    shape, names = config["shape"], names_of(config)
    if len(shape) != 3 or shape[0] not in (1, 3) or min(shape) < 1:
        return f"shape is {shape}, [C, H, W] wanted"
    if not names or len(set(names)) < len(names):
        return f"corruptions are {', '.join(names) or 'none'}"
    if not config["classes"]:
        return "it has no classes"
    steps = {len(one["amounts"]) for one in config["corruptions"]}
    return "" if len(steps) == 1 and min(steps) >= 1 else "its corruptions have different numbers of strengths"


def _wrong_table(table: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> str:
    pairs = [(name, strength) for name in names_of(config) for strength in strengths_of(config)]
    said = ["clean_prediction", *(column(*pair, "prediction") for pair in pairs)]
    sure = ["clean_confidence", *(column(*pair, "confidence") for pair in pairs)]
    for key in ("index", "label", *said, *sure):
        if key not in table:
            return f"{key} is missing"
        if table[key].dtype.kind not in ("iuf" if key in sure else "iu"):
            return f"{key} holds {table[key].dtype}, {'' if key in sure else 'whole '}numbers wanted"
    if not len(table["label"]) == config["n"] > 0:
        return f"{len(table['label'])} rows, but config.json says {config['n']}"
    if table["index"].min() < 0:
        return f"index {table['index'].min()} is out of range"
    named = (table["label"], *(table[key][table[key] != -1] for key in said))  # -1 is no prediction
    return next((wrong for labels in named if (wrong := wrong_labels(labels, config["classes"]))), "")


def _wrong_examples(images: np.ndarray, config: Mapping[str, Any]) -> str:
    wanted = (len(config["corruptions"]), 1 + len(strengths_of(config)), *config["shape"])
    if images.dtype != np.uint8 or images.shape != wanted:
        return f"images hold {images.dtype} {images.shape}, uint8 {wanted} wanted"
    return ""

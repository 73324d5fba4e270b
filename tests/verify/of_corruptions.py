"""Forgeries of what `assay corrupt` found, with what follows from the table counted again, and of the calibration."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from assay.corrupted_folder import corrupted_of, names_of, strengths_of
from assay.run_folder import Run
from assay.tally import column, corrupted
from tests.verify.forging import FORGERIES, RERUN, Forgery, edit, patch

NAME = "digits-test-24-5b896d"
TABLE, RESULTS = f"corruptions/{NAME}/images.parquet", f"corruptions/{NAME}/results.json"
SHIFT = column("shift", 5, "prediction")


def of_table(change: Callable[[dict[str, np.ndarray]], None]) -> Forgery:
    """The table changed, and the figures counted again."""

    def forge(run: Path) -> None:
        folder = corrupted_of(Run(run), NAME)
        config = folder.read_json("config.json")
        table = {key: values.copy() for key, values in folder.read_table("images.parquet").items()}
        change(table)
        folder.write_table("images.parquet", table)
        folder.write_json("results.json", {"schema": 2, **corrupted(table, names_of(config), strengths_of(config))})

    return forge


def of_file(name: str, *keys: object, value: object) -> Forgery:
    return lambda run: patch(run / "corruptions" / NAME / name, *keys, value=value)


def all_right(table: dict[str, np.ndarray]) -> None:
    table[SHIFT] = table["label"].copy()


def more_modest(table: dict[str, np.ndarray]) -> None:
    table[column("noise", 2, "confidence")] = np.full(24, 0.5, np.float32)


def impossible(table: dict[str, np.ndarray]) -> None:
    table[column("noise", 2, "confidence")][3] = 0.05  # of ten classes the largest has a tenth


def another_label(table: dict[str, np.ndarray]) -> None:
    table["label"][2] = (table["label"][2] + 1) % 10


def twice(table: dict[str, np.ndarray]) -> None:
    table |= {key: np.concatenate([values[:-1], values[:1]]) for key, values in table.items()}


def a_nicer_example(run: Path) -> None:
    folder = corrupted_of(Run(run), NAME)
    images = folder.read_arrays("examples.safetensors")["images"].copy()
    images[:, 5] = images[:, 0]
    folder.write_arrays("examples.safetensors", {"images": images})


FORGERIES |= {
    "a calibration error": (
        edit("results.json", "calibration", "equal_width", "ece", value=0.001),
        "results.json",
        "calibration equal_width ece is 0.001",
    ),
    "a point of the diagram": (
        edit("results.json", "calibration", "equal_width", "bins", 0, "share", value=0.5),
        "results.json",
        "calibration equal_width bins",
    ),
    "how sure when fooled": (
        edit("results.json", "calibration", "fooled", -1, "confidence", value=0.1),
        "results.json",
        "calibration fooled",
    ),
    "a corrupted mean": (of_file("results.json", "mean", "share", value=0.999), RESULTS, "mean share is 0.999"),
    "a corrupted line": (of_file("results.json", "lines", 7, "count", value=23), RESULTS, "lines [7] count"),
    "a weaker corruption": (
        of_file("config.json", "corruptions", 4, "amounts", 4, value=31.0),
        f"{NAME}/config.json",
        "amounts [4] is 31",
    ),
    "another chance": (of_file("config.json", "seed", value=1), "examples.safetensors", "are not those that"),
    "other corrupted weights": (of_file("config.json", "weights", value="0" * 16), f"{NAME}/config.json", "weights is"),
    "an impossible confidence": (of_table(impossible), TABLE, "noise at strength 2: confidence 0.05 cannot be"),
    "a corrupted label": (of_table(another_label), TABLE, "label is another than in digits test"),
    "a corrupted row twice": (of_table(twice), TABLE, "it has several rows"),
    "a nicer example": (a_nicer_example, f"{NAME}/examples.safetensors", "images are not those that"),
}
RERUN |= {
    "right under every shift": (of_table(all_right), TABLE, "shift at strength 5: the table says"),
    "more modest under noise": (of_table(more_modest), TABLE, "noise at strength 2: the table says"),
}

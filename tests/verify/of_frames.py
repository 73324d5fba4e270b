"""Forgeries of the frames: what the slider of the report moves through."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.verify.forging import FORGERIES, RERUN, Forger, Forgery, forgery, patch

STEPS = 3  # eps 0, 0.05 and 0.1
FRAMES = "frames.safetensors"


def of_frames(change: Callable[[dict[str, np.ndarray]], None]) -> Forgery:
    def forge(run: Path) -> None:
        folder = Forger(run).folder
        arrays = folder.read_arrays(FRAMES)
        change(arrays)
        folder.write_arrays(FRAMES, arrays)

    return forge


def nicer(arrays: dict[str, np.ndarray]) -> None:
    arrays["images"][0] = 1 - arrays["images"][0]


def cleaner(arrays: dict[str, np.ndarray]) -> None:
    """What is shown as broken is the picture as it is."""
    arrays["images"][STEPS - 1] = arrays["images"][0]


def beyond(arrays: dict[str, np.ndarray]) -> None:
    arrays["images"][1] = np.clip(arrays["images"][1] + 0.2, 0, 1)


def outside(arrays: dict[str, np.ndarray]) -> None:
    arrays["images"][1, 0, 0, 0] = -0.01


def surer(arrays: dict[str, np.ndarray]) -> None:
    arrays["probability"][2] = np.eye(10, dtype=np.float32)[arrays["probability"][2].argmax()]


def surer_when_clean(arrays: dict[str, np.ndarray]) -> None:
    arrays["probability"][0] = np.eye(10, dtype=np.float32)[arrays["probability"][0].argmax()]


def others(arrays: dict[str, np.ndarray]) -> None:
    """The classes that are not the likeliest: no column of the table tells of them."""
    said = arrays["probability"][1]
    rest = np.delete(np.arange(10), said.argmax())
    said[rest] = said[rest[::-1]]


FORGERIES |= {
    "another picture at eps 0": (of_frames(nicer), FRAMES, "the frame at eps 0 is another image"),
    "a frame beyond its eps": (of_frames(beyond), FRAMES, "its size is"),
    "a frame outside the box": (of_frames(outside), FRAMES, "out of [0, 1]"),
    "a frame as it is": (of_frames(cleaner), "frames.json", "size is"),
    "a surer frame": (of_frames(surer), FRAMES, "the table says"),
    "a surer clean frame": (of_frames(surer_when_clean), FRAMES, "the frame at eps 0 is answered otherwise"),
}
RERUN |= {"other classes of a frame": (of_frames(others), FRAMES, "the model answers a frame otherwise")}


@forgery("frames.json", "is missing")
def no_frames(run: Path) -> None:
    for file in Forger(run).folder.path.glob("frames.*"):
        file.unlink()


@forgery("frames.json", "verdict is 'robust', 'broken' wanted")
def a_frame_that_stands(run: Path) -> None:
    folder = Forger(run).folder
    frames = folder.read_json("frames.json")["frames"]
    place = next(place for place, frame in enumerate(frames) if frame["verdict"] == "broken")
    patch(folder.path / "frames.json", "frames", place, "verdict", value="robust")

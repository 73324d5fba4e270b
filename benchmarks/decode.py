"""How fast a folder of images is decoded, on how many cores, and how much memory that takes: `decode.py [--log]`.

The folder is made by this script: crops of the two photographs that scikit-learn carries, as JPEG files.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import journal

CLASSES, SIDE = 10, (120, 160)
BATCH = 128
MEBI = 1 << 20


def make(folder: Path, images: int) -> None:
    """CLASSES sub-folders of JPEG files of 160×120 pixels."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    sources = load_sample_images().images
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True)

    def some(first: int) -> None:
        chance = np.random.default_rng(first)
        for number in range(first, min(first + 1000, images)):
            source = sources[number % len(sources)]
            top, left = (int(chance.integers(high - low)) for high, low in zip(source.shape, SIDE, strict=False))
            crop = source[top : top + SIDE[0], left : left + SIDE[1]]
            Image.fromarray(crop).save(folder / f"class {number % CLASSES}" / f"{number:06}.jpg", quality=90)

    with ThreadPoolExecutor() as pool:
        list(pool.map(some, range(0, images, 1000)))


def child(folder: Path, cores: int) -> None:
    """Decode on so many cores, open what was decoded, and read an epoch of it in random order; figures as JSON."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    import torch

    from assay.data import Wish, load

    torch.set_num_threads(cores)
    peak = Peak()
    found = {"before": peak.take()}
    for step in ("decode", "open"):
        began = time.perf_counter()
        images = load(f"folder:{folder}", "train", wish=Wish(size=(64, 64)))
        found |= {step: time.perf_counter() - began, f"{step}_peak": peak.take()}
    began, total = time.perf_counter(), 0
    for rows in torch.randperm(len(images)).split(BATCH):
        total += int(images.images[rows].sum())
    found |= {"epoch": time.perf_counter() - began, "epoch_peak": peak.take(), "bytes": images.images.nbytes}
    print(json.dumps(found))


class Peak(threading.Thread):
    """The most anonymous memory (what is no page of a file) that this process held since it was last asked."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0
        self.start()

    def run(self) -> None:
        while True:
            self.most = max(self.most, self.now())
            time.sleep(0.01)

    def now(self) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024

    def take(self) -> int:
        most, self.most = max(self.most, self.now()), 0
        return most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--log", action="store_true")
    parser.add_argument("--child", nargs=2)
    options = parser.parse_args()
    if options.child:
        child(Path(options.child[0]), int(options.child[1]))
        return
    rows = []
    most = len(os.sched_getaffinity(0))
    for images in options.images:
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work, "images")
            began = time.perf_counter()
            make(folder, images)
            print(f"{images} files made in {time.perf_counter() - began:.0f} s", file=sys.stderr)
            for cores in sorted({1, 2, 4, 8, most} & set(range(1, most + 1))):
                found = []
                for round_ in range(options.rounds):
                    env = os.environ | {"XDG_CACHE_HOME": str(Path(work, f"cache-{cores}-{round_}"))}
                    command = [sys.executable, __file__, "--child", str(folder), str(cores)]
                    out = subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout
                    found.append(json.loads(out))
                rows.append(_row(images, cores, found))
    head = ("images", "cores", "decoded, images/s", "opened again, s", "random epoch, images/s")
    memory = ("pixels of train, MiB", "peak added: decode, MiB", "peak added: epoch, MiB")
    about = [f"JPEG files of {SIDE[1]}×{SIDE[0]} to 64×64, the first look at their headers included"]
    about += [f"{options.rounds} rounds; memory: anonymous, what the mapped files do not account for"]
    journal.present("decoding a folder", about, [journal.table((*head, *memory), rows)], options.log)


def _row(images: int, cores: int, found: list[dict[str, float]]) -> tuple[object, ...]:
    train = found[0]["bytes"] / (3 * 64 * 64)
    return (
        f"{images:,}",
        cores,
        journal.spread(images / one["decode"] for one in found),
        journal.spread((one["open"] for one in found), 2),
        journal.spread(train / one["epoch"] for one in found),
        f"{found[0]['bytes'] / MEBI:,.0f}",
        journal.spread((one["decode_peak"] - one["before"]) / MEBI for one in found),
        journal.spread((one["epoch_peak"] - one["before"]) / MEBI for one in found),
    )


if __name__ == "__main__":
    main()

"""Small photographs in every form they come in: folders of PNG, Parquet files, the archives of CIFAR."""

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from assay.data.cifar import Archive

CLASSES = ("ape", "bee", "cat")
WHOLE = {"train": (30, 20, 11)}  # images of each class, in each part that is published
TWO = {"train": (30, 20, 11), "test": (4, 3, 2)}
THREE = {"train": (20, 9, 7), "validation": (3, 2, 1), "test": (4, 3, 2)}
FORMS = {"whole": WHOLE, "two": TWO, "three": THREE}


@dataclass(frozen=True)
class Part:
    """uint8 (N, C, H, W) and labels, one class after the other: as a folder is read."""

    images: np.ndarray
    labels: np.ndarray


Parts = Mapping[str, Part]


def photographs(counts: Mapping[str, tuple[int, ...]], shape: tuple[int, int, int] = (3, 6, 5)) -> dict[str, Part]:
    """Noise, so that every image is another one."""
    chance = np.random.default_rng(0)
    return {
        part: Part(chance.integers(0, 256, (sum(n), *shape), np.uint8), np.repeat(np.arange(len(n)), n))
        for part, n in counts.items()
    }


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    pixels = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def as_folder(path: Path, parts: Parts, classes: tuple[str, ...] = CLASSES) -> Path:
    """PATH/cat/0007.png, or PATH/train/cat/0007.png where there is more than one part."""
    for part, found in parts.items():
        for row, (image, label) in enumerate(zip(found.images, found.labels, strict=True)):
            file = (path / part if len(parts) > 1 else path) / classes[label] / f"{row:04}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(image))
    return path


def as_parquet(path: Path, parts: Parts, classes: tuple[str, ...] = CLASSES, image: str = "image") -> Path:
    """PATH/train-00000.parquet, with labels as text."""
    path.mkdir(parents=True, exist_ok=True)
    for part, found in parts.items():
        encoded = [{"bytes": png(pixels), "path": None} for pixels in found.images]
        table = pa.table({image: encoded, "label": [classes[label] for label in found.labels]})
        pq.write_table(table, path / f"{part}-00000.parquet")
    return path


def unpacked(path: Path, archive: Archive, parts: Parts, classes: tuple[str, ...], coarse: int = 7) -> Path:
    """The folder that an archive of CIFAR unpacks to; of two labels the first is `coarse` for all."""
    place = path / archive.folder
    place.mkdir(parents=True)
    for part, files in archive.parts.items():
        found = parts[part]
        labels = [*([np.full(len(found.labels), coarse)] * (archive.labels - 1)), found.labels]
        records = np.concatenate([np.stack(labels, 1), found.images.reshape(len(found.images), -1)], 1)
        for file, some in zip(files, np.split(records.astype(np.uint8), len(files)), strict=True):
            (place / file).write_bytes(some.tobytes())
    (place / archive.names).write_text("\n".join(classes) + "\n")
    return place


def packed(path: Path, archive: Archive, folder: Path) -> Path:
    """The archive itself."""
    with tarfile.open(path / archive.file, "w:gz", compresslevel=1) as tar:
        tar.add(folder, archive.folder)
    return path / archive.file

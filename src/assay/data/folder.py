"""Your own images: one sub-folder for each class, with or without train/ and test/ above them."""

import os
from collections import deque
from pathlib import Path

import torch

from assay.data.decode import EXTENSIONS
from assay.data.decoded import Source, Wish, decoded
from assay.data.images import ImageSet
from assay.files import printable

PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}


def folder(split: str, path: Path, wish: Wish) -> ImageSet:
    """Any image that Pillow reads, sub-folders of a class included; class names are the sub-folders', sorted.

    Without test/ or validation/ a tenth each is held out, every class in proportion. Raises ValueError for a folder
    of another form, and for images that cannot be read (see Wish).
    """
    if not path.is_dir():
        kind = "is a file, a folder wanted" if path.exists() else "is not there"
        raise ValueError(f"folder:{path} {kind}")
    parts = _parts(path)
    classes = tuple(sorted(entry.name for entry in _sub_folders(parts["train"])))
    files = {part: _files(place, classes) for part, place in parts.items()}
    if empty := set(range(len(classes))) - {label for _, label in files["train"]}:
        raise ValueError(f"{parts['train'] / classes[min(empty)]} holds no image")
    name = printable(path.resolve().name) or "folder"
    source = Source(
        name=name,
        classes=classes,
        labels={part: torch.tensor([label for _, label in found], dtype=torch.int64) for part, found in files.items()},
        pictures=lambda part: ((str(file), file) for file, _ in files[part]),
    )
    return decoded(name, [file for found in files.values() for file, _ in found], lambda: source, split, wish)


def _parts(path: Path) -> dict[str, Path]:
    """Where the images of each published part lie. A folder called train that holds images is a class."""
    inner = _sub_folders(path)
    if not inner:
        raise ValueError(f"folder:{path} has no sub-folders: one for each class wanted, or train/ and test/ with them")
    known = [entry for entry in inner if entry.name.lower() in PARTS and _sub_folders(entry) and not _holds_any(entry)]
    if not known:
        return {"train": path}
    if other := [entry for entry in inner if entry not in known]:
        if other[0].name.lower() in PARTS:
            raise ValueError(f"{other[0]} has no sub-folders: one for each class wanted")
        raise ValueError(
            f"folder:{path}: {known[0].name}/ has sub-folders, as a split has, and {other[0].name}/ stands beside it: "
            "either splits alone, each with a sub-folder for each class, or classes alone"
        )
    if "train" not in {PARTS[entry.name.lower()] for entry in known}:
        raise ValueError(f"folder:{path} has {known[0].name}/, but no train/")
    parts: dict[str, Path] = {}
    for entry in known:
        if (part := PARTS[entry.name.lower()]) in parts:
            raise ValueError(f"folder:{path} has both {parts[part].name}/ and {entry.name}/")
        parts[part] = entry
    return parts


def _holds_any(path: Path) -> bool:
    """Whether images lie in the folder itself, as in a class."""
    return any(entry.suffix.lower() in EXTENSIONS for entry in path.iterdir() if not entry.is_dir())


def _sub_folders(path: Path) -> list[Path]:
    return [entry for entry in sorted(path.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]


def _files(path: Path, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """All images below a part, sorted, with their labels."""
    names = [entry.name for entry in _sub_folders(path)]
    if strange := sorted(set(names) - set(classes)):
        raise ValueError(
            f"{path / strange[0]}: there is no class {strange[0]!r} to train on; there are {', '.join(classes)[:200]}"
        )
    found = [(file, label) for label, name in enumerate(classes) for file in _images(path / name)]
    if not found:
        raise ValueError(f"{path} holds no image")
    return found


def _images(path: Path) -> list[Path]:
    """The files with an image's ending, sorted, whatever they are. No folder is entered twice: links make circles."""
    found, entered, ahead = [], set(), deque([path] if path.is_dir() else [])
    while ahead:
        here = ahead.popleft()
        state = os.stat(here)
        if (place := (state.st_dev, state.st_ino)) in entered:
            continue
        entered.add(place)
        with os.scandir(here) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    ahead.append(Path(entry.path))
                elif Path(entry.name).suffix.lower() in EXTENSIONS:
                    found.append(Path(entry.path))
    return sorted(found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False

"""Images that must be decoded: once, in parallel, into files that are mapped into memory and named by a fingerprint.

A set may be larger than memory: its pixels are pages of a file, which the system drops and reads again as it likes.
"""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median_low
from typing import Any, NoReturn

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from tqdm import tqdm

from assay.data.decode import Encoded, Unreadable, each
from assay.data.images import SPLITS, ImageSet, carve, check_classes, check_labels
from assay.data.kept import alone, place_of, read_signed, signed, stamp_of
from assay.download import cache
from assay.files import reason, whole

USUAL_SIDE = 128  # pixels: what a laptop can train on, where the images do not agree on a size
NAMED = 5  # of the images that were left out
ELSEWHERE = "XDG_CACHE_HOME names another folder for decoded images"


@dataclass(frozen=True)
class Wish:
    """How encoded images shall come: with so many channels, of (height, width), and what to do with unreadable ones.

    None leaves it to the images: grey if all are, their own size if they agree on one.
    """

    channels: int | None = None
    size: tuple[int, int] | None = None
    skip_bad: bool = False


@dataclass(frozen=True)
class Source:
    """Encoded images in the parts they were published in: "train" and perhaps "validation" and "test".

    labels and pictures of a part are in the same order. A split that was not published is held out of "train":
    held_out images, or a tenth.
    """

    name: str
    classes: tuple[str, ...]
    labels: Mapping[str, Int64[Tensor, "N"]]
    pictures: Callable[[str], Iterator[tuple[str, Encoded]]]
    held_out: int | None = None


def decoded(name: str, files: Sequence[Path], source: Callable[[], Source], split: str, wish: Wish) -> ImageSet:
    """A split of the source that the files hold, from the cache; the first time it is decoded into it.

    Raises ValueError, naming the image, for one that cannot be read, unless the wish is to leave it out.
    """
    stamp = stamp_of(files)
    try:
        shape, notes = _agreed(name, stamp, source, wish)
        place = place_of(name, "images", stamp, shape)
        about = _about(place)
        if about is None:
            with alone(place, name):
                about = _about(place) or _make(source(), wish, shape, place)  # another process may have been faster
        if about["left_out"] and not wish.skip_bad:
            _refuse(Unreadable(*about["left_out"][0]))
        return _read(place, about, name, split, (*notes, *_farewell(name, about["left_out"])))
    except OSError as error:  # of the cache: what is wrong with an image is told otherwise
        why = error.strerror or reason(error)
        raise ValueError(f"{error.filename or cache() / 'decoded'}: {why}; {ELSEWHERE}") from error


def _agreed(
    name: str, stamp: str, source: Callable[[], Source], wish: Wish
) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """(C, H, W) that all images shall have, and a word about it where they do not have it by themselves."""
    if wish.channels and wish.size:
        return (wish.channels, *wish.size), ()
    remembered = place_of(name, "shape", stamp, wish.channels, wish.size) / "shape.json"
    found = read_signed(remembered)
    if not found:
        found = _shape(source(), wish)
        with whole(remembered) as file:
            file.write_text(signed(found), encoding="utf-8")
    (channels, height, width), notes = found
    return (channels, height, width), tuple(notes)


def _about(place: Path) -> Any:
    """What a set in the cache says of itself; None if it is not there, or not whole."""
    about = read_signed(place / "set.json", _rows(place))
    try:
        sizes = [(place / f"{split}.images").stat().st_size for split in SPLITS]
    except FileNotFoundError:
        return None
    fits = about and sizes == [about["images"][split] * int(np.prod(about["shape"])) for split in SPLITS]
    return about if fits else None


def _rows(place: Path) -> list[Path]:
    return [place / f"{split}.rows.npy" for split in SPLITS]


def _read(place: Path, about: Any, name: str, split: str, notes: tuple[str, ...] = ()) -> ImageSet:
    n, shape = about["images"][split], about["shape"]
    labels, index = torch.from_numpy(np.load(place / f"{split}.rows.npy", allow_pickle=False))
    return ImageSet(
        name=name,
        split=split,
        classes=tuple(about["classes"]),
        images=_mapped(place / f"{split}.images", (n, *shape)),
        labels=labels,
        index=index,
        content=about["fingerprints"].get(split, ""),
        notes=notes,
    )


def _mapped(file: Path, shape: tuple[int, ...]) -> Tensor:
    """A file as a tensor, to read only: a mapping that could be written to would count as memory in use."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of arrays that cannot be written to
        return torch.from_numpy(np.memmap(file, np.uint8, "r", shape=shape))


def _make(source: Source, wish: Wish, shape: Sequence[int], place: Path) -> Any:
    """Decode everything into a folder beside its place, then move it there; what it says of itself."""
    check_classes(source.name, source.classes)
    for part, labels in source.labels.items():
        check_labels(f"{source.name} {part}", labels, len(source.classes))
    splits = split_rows(source)
    n = sum(map(len, source.labels.values()))
    for killed in place.parent.glob(f".{place.name}.*/"):  # nobody else is at work here
        shutil.rmtree(killed, ignore_errors=True)
    wanted = n * int(np.prod(shape))
    if (free := shutil.disk_usage(place.parent).free) < wanted:
        size = " × ".join(map(str, shape))
        raise ValueError(f"{n} images of {size} take {wanted} bytes, {place.parent} has {free} free; {ELSEWHERE}")
    beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        left_out = _decode(source, splits, shape, wish, beside)
        about = _describe(source, shape, left_out, beside)
        (beside / "set.json").write_text(signed(about, _rows(beside)), encoding="utf-8")
        if place.exists():  # and is not whole
            shutil.rmtree(place)
        beside.rename(place)
        return about
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def split_rows(source: Source) -> dict[str, tuple[str, Int64[Tensor, "n"]]]:
    """For each split the part it comes from, and its rows there. ValueError where there are too few images."""
    published = {split: (split, torch.arange(len(rows))) for split, rows in source.labels.items() if split != "train"}
    missing = [split for split in ("test", "validation") if split not in published]
    labels = source.labels["train"]
    size = source.held_out or max(1, round(len(labels) / 10))
    left = len(labels) - size * len(missing)
    if left < 1 or not all(len(rows) for _, rows in published.values()):
        raise ValueError(f"{source.name} holds {len(labels)} images to train on, which is too few to hold some out")
    rows = carve(labels, dict.fromkeys(missing, size) | {"train": left})
    return published | {split: ("train", part) for split, part in rows.items()}


def _shape(source: Source, wish: Wish) -> tuple[tuple[int, ...], tuple[str, ...]]:
    n = sum(map(len, source.labels.values()))
    everything = chain.from_iterable(source.pictures(part) for part in source.labels)
    found = []
    with closing(each(everything, None)) as seen:
        for one in tqdm(seen, f"look at {source.name}", n, unit="image", leave=False):
            if not isinstance(one, Unreadable):
                found.append(one)
            elif not wish.skip_bad:
                _refuse(one)
    if not found:
        raise ValueError(f"{source.name}: none of {n} images can be read")
    channels, sizes = wish.channels or max(one[0] for one in found), {one[1:] for one in found}
    if wish.size or len(sizes) == 1:
        return (channels, *(wish.size or sizes.pop())), ()
    side = min(USUAL_SIDE, median_low(min(height, width) for _, height, width in found))
    low, high = (end(sizes, key=lambda size: size[0] * size[1]) for end in (min, max))
    note = f"{source.name}: images of {low[0]}×{low[1]} to {high[0]}×{high[1]} are resized and cut to {side}×{side}"
    return (channels, side, side), (f"{note}; --size N takes another size",)


def _decode(
    source: Source, splits: Mapping[str, tuple[str, Tensor]], shape: Sequence[int], wish: Wish, folder: Path
) -> list[Unreadable]:
    """Write each split's images and rows; those that had to be left out."""
    left_out: list[Unreadable] = []
    n, size = sum(map(len, source.labels.values())), int(np.prod(shape))
    with ExitStack() as stack:
        files = {split: stack.enter_context((folder / f"{split}.images").open("wb+")) for split in splits}
        bar = stack.enter_context(tqdm(desc=f"decode {source.name}", total=n, unit="image", leave=False))
        for part, labels in source.labels.items():
            place, bad, of_split = _places(splits, part, len(labels)), np.zeros(len(labels), bool), list(files.values())
            seen = stack.enter_context(closing(each(source.pictures(part), (shape[0], shape[1], shape[2]))))
            for row, one in enumerate(seen):
                bar.update()
                if isinstance(one, np.ndarray):
                    file = of_split[place[0, row]]
                    file.seek(int(place[1, row]) * size)
                    file.write(one.tobytes())
                elif wish.skip_bad:
                    left_out.append(one)
                    bad[row] = True
                else:
                    _refuse(one)
            for split, rows in ((split, rows.numpy()) for split, (origin, rows) in splits.items() if origin == part):
                good = _close_gaps(files[split], ~bad[rows], size)
                np.save(folder / f"{split}.rows.npy", np.stack([labels[rows].numpy()[good], rows[good]]))
    return left_out


def _places(splits: Mapping[str, tuple[str, Tensor]], part: str, n: int) -> np.ndarray:
    """For each row of a part: which split it belongs to (counted as in splits), and its place there."""
    place = np.zeros((2, n), np.int64)
    for number, (origin, rows) in enumerate(splits.values()):
        if origin == part:
            place[:, rows.numpy()] = np.stack([np.full(len(rows), number), np.arange(len(rows))])
    return place


def _close_gaps(file: Any, good: np.ndarray, size: int) -> np.ndarray:
    """Move what follows an image that was left out to its place; the rows that stay."""
    stay = np.flatnonzero(good)
    for place, row in enumerate(stay.tolist()):
        if place != row:
            file.seek(row * size)
            image = file.read(size)
            file.seek(place * size)
            file.write(image)
    file.truncate(len(stay) * size)
    return stay


def _describe(source: Source, shape: Sequence[int], left_out: list[Unreadable], folder: Path) -> dict[str, Any]:
    images = {split: len(np.load(folder / f"{split}.rows.npy")[0]) for split in SPLITS}
    if empty := [split for split, n in images.items() if not n]:
        raise ValueError(f"{source.name}: none of the {empty[0]} images can be read")
    about = {"classes": source.classes, "shape": shape, "images": images, "fingerprints": {}}
    prints = {split: _read(folder, about, source.name, split).fingerprint for split in SPLITS}
    return about | {"fingerprints": prints, "left_out": [(one.name, one.why) for one in left_out]}


def _refuse(one: Unreadable) -> NoReturn:
    raise ValueError(f"{one.name} cannot be read: {one.why}; --skip-bad goes on without such images")


def _farewell(name: str, left_out: Sequence[Sequence[str]]) -> tuple[str, ...]:
    if not left_out:
        return ()
    names = ", ".join(one[0] for one in left_out[:NAMED]) + (" …" if len(left_out) > NAMED else "")
    return (f"{name}: left out, as they cannot be read, {len(left_out)} images: {names}",)

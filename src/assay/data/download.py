"""Where data lie, and how they come: $ASSAY_DATA first, then the user cache, then a download checked by hash."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from assay.download import bring, cache


def folders(name: str) -> list[Path]:
    """The folders in which the files of a data set are looked for, in order; the last is in the user cache."""
    given = os.environ.get("ASSAY_DATA")
    return [Path(given).expanduser() / name, cache() / name] if given else [cache() / name]


def find(name: str, file: str) -> Path | None:
    """The file, gzipped or not, in the first folder that has it."""
    for folder in folders(name):
        for path in (folder / file, folder / file.removesuffix(".gz")):
            if path.is_file():
                return path
    return None


def download(name: str, files: Mapping[str, str], mirrors: Sequence[str]) -> None:
    """Bring {file: md5} into the user cache; what is there stays, what was begun goes on.

    Raises ValueError that says what to do when no mirror answers, or when a hash is wrong.
    """
    for file, wanted in files.items():
        if find(name, file) is None:
            _fetch(name, file, wanted, mirrors)


def _fetch(name: str, file: str, wanted: str, mirrors: Sequence[str]) -> None:
    place = folders(name)[-1] / file
    problems = bring([f"{mirror}/{file}" for mirror in mirrors], place, wanted, hashlib.md5)
    if not place.is_file():
        given = os.environ.get("ASSAY_DATA")
        other = f"$ASSAY_DATA is {given}, which lacks it" if given else "or set ASSAY_DATA to a folder that has it"
        raise ValueError(
            f"{name} is not here and could not be downloaded ({'; '.join(problems)}): put {name}/{file} into "
            f"{place.parent.parent} ({other}), or take --data digits, which needs no file"
        )

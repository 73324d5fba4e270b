"""Where data lie, and how they come: $ASSAY_DATA first, then the user cache, then a download checked by hash."""

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from assay.files import reason

TIMEOUT = 20  # seconds without a byte
CHUNK = 1 << 18


def cache() -> Path:
    """The user cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay"


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
    place = folders(name)[-1]
    place.mkdir(parents=True, exist_ok=True)
    part, problems = place / f"{file}.part", []
    for mirror in mirrors:
        try:
            _resume(f"{mirror}/{file}", part)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            problems.append(f"{mirror}: {_why(error)}")
            continue
        got = hashlib.md5(part.read_bytes()).hexdigest()
        if got == wanted:
            part.replace(place / file)
            return
        part.unlink()
        problems.append(f"{mirror}: {file} has md5 {got}, {wanted} wanted")
    given = os.environ.get("ASSAY_DATA")
    other = f"$ASSAY_DATA is {given}, which lacks it" if given else "or set ASSAY_DATA to a folder that has it"
    raise ValueError(
        f"{name} is not here and could not be downloaded ({'; '.join(problems)}): put {name}/{file} into "
        f"{place.parent} ({other}), or take --data digits, which needs no file"
    )


def _why(error: Exception) -> str:
    """Of the errors of a network, which nest, the words of the innermost."""
    inner = getattr(error, "reason", error)
    return getattr(inner, "strerror", None) or reason(inner if isinstance(inner, Exception) else error)


def _resume(url: str, part: Path) -> None:
    begun = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is missing
            return
        raise
    with answer:
        resumed = answer.status == 206
        total = int(answer.headers.get("Content-Length") or 0)
        if shutil.disk_usage(part.parent).free < total:
            raise OSError(f"{total} bytes do not fit on the disk of {part.parent}")
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(total=total, unit="B", unit_scale=True, desc=url) as bar,
        ):
            while chunk := answer.read(CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        if bar.n < total:  # urllib calls that a good end; what has come stays for the next time
            raise OSError(f"the connection ended after {bar.n} of {total} bytes")

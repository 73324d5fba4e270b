"""A file from the network: taken up where it broke off, and nobody's until its hash is the one that was wanted."""

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from assay.files import reason

TIMEOUT = 20  # seconds without a byte
CHUNK = 1 << 18


def cache() -> Path:
    """The user cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "assay"


def bring(urls: Sequence[str], place: Path, wanted: str, hashed: Callable[[bytes], Any] = hashlib.sha256) -> list[str]:
    """Bring the file to its place from the first of the urls that has it; what was begun beside it goes on.

    Returns no problems, or one for each url: then the place stays empty, and what had a wrong hash is gone.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    part, problems = place.with_name(f"{place.name}.part"), []
    for url in urls:
        host = url.rpartition("/")[0]
        try:
            _resume(url, part)
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            problems.append(f"{host}: {_why(error)}")
            continue
        digest = hashed(part.read_bytes())
        if (got := digest.hexdigest()) == wanted:
            part.replace(place)
            return []
        part.unlink()
        problems.append(f"{host}: {place.name} has {digest.name} {got}, {wanted} wanted")
    return problems


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

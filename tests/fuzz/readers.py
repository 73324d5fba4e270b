"""Every reader of assay as a function of bytes: it returns, or what it raises is one clear line. Nothing else may be.

`READERS[name](data, place)`: place is a scratch folder, with a finished run in place/run for those in OF_A_RUN.
"""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzz.of_data import cifar_archive, cifar_unpacked, folder, idx, image, parquet
from tests.fuzz.of_runs import checkpoint, files, model, run_arrays, run_bytes, run_json, weights_file
from tests.fuzz.of_words import specs, words
from tests.fuzz.pieces import archive, idx_seeds, parquets, pictures, weights

Reader = Callable[[bytes, Path], None]
READERS: dict[str, Reader] = {
    "idx": idx,
    "image": image,
    "cifar archive": cifar_archive,
    "cifar unpacked": cifar_unpacked,
    "parquet": parquet,
    "folder": folder,
    "run, bytes": run_bytes,
    "run, json": run_json,
    "run, arrays": run_arrays,
    "model": model,
    "weights": weights_file,
    "checkpoint": checkpoint,
    "specs": specs,
    "words": words,
}
OF_A_RUN = ("run, bytes", "run, json", "run, arrays", "model", "checkpoint")


def _records() -> dict[str, bytes]:
    return {"x/a.bin": bytes(3073 * 20), "x/b.bin": bytes(3073 * 3), "x/names.txt": b"cat\ndog\n"}


def _of_files(run: Path) -> list[bytes]:
    return [number.to_bytes(2, "little") + (run / file).read_bytes() for number, file in enumerate(files(run))]


def _of_weights() -> list[bytes]:
    forms = weights()
    pickles = [zipfile.ZipFile(io.BytesIO(form)).read("archive/data.pkl") for form in (forms[0], forms[2])]
    return [*(b"\2" + one for one in pickles), *(bytes([number != 4]) + form for number, form in enumerate(forms))]


TEXTS = (
    b"paint(coats=2)",
    b"pgd(steps=50, step_size=8/255)",
    b"linf(8/255)",
    b"toward(3)",
    b"-8/255",
    b"a-b.c",
    b"l2()",
)
SEEDS: dict[str, Callable[[Path], list[bytes]]] = {
    "idx": lambda run: idx_seeds(),
    "image": lambda run: pictures(),
    "cifar archive": lambda run: [
        b"\1" + archive(_records()),
        b"\0" + gzip.compress(archive(_records()), mtime=0),
    ],
    "cifar unpacked": lambda run: [b"".join(_records().values())],
    "parquet": lambda run: [sign + content for content in parquets() for sign in (b"\0", b"\1", b"\x80")],
    "run, bytes": _of_files,
    "model": lambda run: [b"\0\0" + (run / "model.safetensors").read_bytes(), b"\1\0" + bytes(9)],
    "weights": lambda run: _of_weights(),
    "checkpoint": lambda run: [
        b"\0" + (run / "checkpoint.pt").read_bytes(),
        b"\1" + (run / "checkpoint.pt").read_bytes()[:-32],
    ],
    "specs": lambda run: list(TEXTS),
}


def seeds(name: str, place: Path) -> list[bytes]:
    """Inputs that are valid, or nearly so, to begin with."""
    of_choices = [np.random.default_rng(number).bytes(n) for number, n in enumerate((8, 30, 60, 120, 200))]
    return SEEDS[name](place / "run") if name in SEEDS else of_choices

"""IDX, the file format of MNIST (LeCun 1998): a magic number, the sizes, then the bytes; plain or gzipped."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from assay.files import reason

UNSIGNED_BYTES = 0x08


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """An array of uint8 of that shape. Raises ValueError, naming the file, when it is anything else.

    No more is read than the shape wants: a header cannot ask for memory, and a gzip bomb ends there.
    """
    open_file = gzip.open if path.suffix == ".gz" else open
    header, size = 4 + 4 * len(shape), math.prod(shape)
    try:
        with open_file(path, "rb") as file:
            head = file.read(header)
            if len(head) < header:
                raise ValueError(f"{path} is truncated: {len(head)} bytes of header, {header} wanted")
            zero, kind, rank = struct.unpack(">HBB", head[:4])
            if (zero, kind, rank) != (0, UNSIGNED_BYTES, len(shape)):
                begins = head.hex()[:8]
                raise ValueError(f"{path} is no IDX file of bytes in {len(shape)} dimensions: it begins {begins}")
            found = struct.unpack(f">{len(shape)}I", head[4:])
            if found != shape:
                raise ValueError(f"{path} says that it holds {_times(found)} bytes, {_times(shape)} wanted")
            body = file.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {getattr(error, 'strerror', None) or reason(error)}") from error
    if len(body) != size:
        wrong = "longer than its header says" if len(body) > size else "truncated"
        raise ValueError(f"{path} is {wrong}: {size} bytes wanted, got {len(body)}{'+' * (len(body) > size)}")
    return np.frombuffer(body, np.uint8).reshape(shape)


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape))

"""IDX, the file format of MNIST (LeCun 1998): a magic number, the sizes, then the bytes; plain or gzipped."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

UNSIGNED_BYTES = 0x08
LARGEST = 1 << 31


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """An array of uint8. Raises ValueError, naming the file, when it is truncated, corrupt or of another kind."""
    open_file = gzip.open if path.suffix == ".gz" else open
    try:
        with open_file(path, "rb") as file:
            head = file.read(4 + 4 * dimensions)
            if len(head) < 4 + 4 * dimensions:
                raise ValueError(f"{path} is truncated: {len(head)} bytes of header, {4 + 4 * dimensions} wanted")
            zero, kind, rank = struct.unpack(">HBB", head[:4])
            if (zero, kind, rank) != (0, UNSIGNED_BYTES, dimensions):
                raise ValueError(
                    f"{path} is no IDX file of bytes in {dimensions} dimensions: it begins {head[:4].hex()}"
                )
            shape = struct.unpack(f">{dimensions}I", head[4:])
            size = math.prod(shape)
            if not 0 < size < LARGEST:
                raise ValueError(f"{path} claims to hold {' × '.join(map(str, shape))} bytes")
            body = file.read(size + 1)  # a gzip bomb ends here
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if len(body) != size:
        wrong = "longer than its header says" if len(body) > size else "truncated"
        raise ValueError(f"{path} is {wrong}: {size} bytes wanted, got {len(body)}{'+' * (len(body) > size)}")
    return np.frombuffer(body, np.uint8).reshape(shape)

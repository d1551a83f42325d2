"""IDX files: the format in which MNIST is handed out (LeCun et al.), gzipped or not."""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from limbeck.errors import DataError

UNSIGNED_BYTE = 0x08
AGAIN_HINT = "copy or download the file again"


def unpacked(path: Path) -> bytes:
    """Return the bytes of a file that may be gzipped.

    Raises:
        DataError: it can't be read.
    """
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} can't be read: {error}", AGAIN_HINT) from error


def read_idx(path: Path, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the bytes of an IDX file as a uint8 tensor of the given shape.

    Raises:
        DataError: the file can't be read, is no IDX file of bytes, is cut short or has another shape.
    """
    hint, data = AGAIN_HINT, unpacked(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != UNSIGNED_BYTE:
        raise DataError(f"{path} must be an IDX file of unsigned bytes, it begins with {data[:4].hex()}", hint)
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise DataError(f"{path} ends inside its header, after {len(data)} bytes", hint)
    found = struct.unpack(f">{data[3]}I", data[4:header])
    if found != shape:
        raise DataError(f"{path} must have the shape {shape}, got {found}", hint)
    if len(data) - header != math.prod(shape):
        raise DataError(f"{path} must hold {math.prod(shape)} values, it holds {len(data) - header}", hint)
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=header).reshape(shape).copy())

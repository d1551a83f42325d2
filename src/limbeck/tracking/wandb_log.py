"""What W&B wrote of an offline run: on a full disk it says nothing, so its log is read back."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768  # LevelDB's log format: blocks, parts of records in them, each behind checksum, length and kind
PART = struct.Struct("<IHB")
FILE_HEADER = 7  # bytes of W&B's own before the first part
WHOLE, FIRST, LAST = 1, 2, 4  # kinds of parts, 3 being one in between


def records(path: Path) -> Iterator[Any]:
    """Yield the records (wandb_internal.proto's) of an offline run's log, up to the first that is not whole."""
    from wandb.proto.wandb_internal_pb2 import Record  # pyright: ignore[reportAttributeAccessIssue] - made by protobuf

    data, at, record = path.read_bytes(), FILE_HEADER, b""
    while at + PART.size <= len(data):
        if BLOCK - at % BLOCK < PART.size:  # what is left of a block is empty where no part fits
            at += BLOCK - at % BLOCK
            continue
        checksum, length, kind = PART.unpack_from(data, at)
        at += PART.size
        part = data[at : at + length]
        if zlib.crc32(bytes([kind]) + part) != checksum:
            return
        at += length
        record = part if kind in (WHOLE, FIRST) else record + part
        if kind in (WHOLE, LAST):
            yield Record.FromString(record)


def is_whole(path: Path) -> bool:
    """Return whether an offline run's log goes on to the run's end."""
    last = None
    for record in records(path):
        last = record
    return last is not None and last.HasField("exit")

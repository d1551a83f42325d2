"""Shards: Arrow IPC files of encoded rows, read without a copy.

A shard has one column `row` of fixed width: a prediction's encoded columns, packed like a C struct, so that a row is
one place in memory and gathering rows is one pass. The schema's metadata tells the layout.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from limbeck.errors import TargetsError
from limbeck.targets.encoding import Columns

Shapes = Mapping[str, tuple[np.dtype, int]]
"""Type and width of each column."""


def row_type(shapes: Shapes) -> np.dtype:
    """Return the packed row: columns at offsets that are multiples of their items, as torch needs them."""
    return np.dtype([(name, dtype, (width,)) for name, (dtype, width) in shapes.items()], align=True)


def to_shard(columns: Columns) -> bytes:
    """Return encoded rows as one Arrow IPC file."""
    shapes = {name: (values.dtype, values.shape[1]) for name, values in columns.items()}
    packed = np.zeros(len(next(iter(columns.values()))), row_type(shapes))
    for name, values in columns.items():
        packed[name] = values
    rows = pa.Array.from_buffers(pa.binary(packed.itemsize), len(packed), [None, pa.py_buffer(packed)])
    offsets = {name: place[1] for name, place in (packed.dtype.fields or {}).items()}
    layout = {name: [str(dtype), width, offsets[name]] for name, (dtype, width) in shapes.items()}
    schema = pa.schema([("row", rows.type)], metadata={"columns: type, width, offset": json.dumps(layout)})
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, schema) as writer:
        writer.write_batch(pa.record_batch([rows], schema=schema))
    return buffer.getvalue()


def map_shard(path: Path, shapes: Shapes, rows: int) -> NDArray[Any]:
    """Return a shard's packed rows as a read-only view of the mapped file: opaque items, which gather fastest.

    Raises:
        TargetsError: the file is not of these columns and rows.
    """
    packed = row_type(shapes)
    try:
        batch = pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)
        column = batch.column("row")
        assert (len(column), column.type) == (rows, pa.binary(packed.itemsize))
        return np.frombuffer(column.buffers()[1], f"V{packed.itemsize}", rows)
    except (OSError, KeyError, AssertionError, pa.ArrowInvalid) as error:
        raise TargetsError(f"shard {path} must be an Arrow file of {rows} rows of {', '.join(shapes)}") from error


def gather(
    shard: Callable[[int], NDArray[Any]], rows: NDArray[np.int64], rows_per_shard: int, last_shard: int
) -> NDArray[Any]:
    """Return packed rows, in whatever shards they are; `shard` gives one by its number."""
    if last_shard == 0:
        return shard(0).take(rows)
    which, offsets = np.divmod(rows, rows_per_shard)
    order = which.astype(np.min_scalar_type(last_shard)).argsort(kind="stable")  # by radix, for so few shards
    counts = np.bincount(which)
    offsets, start, pieces = offsets[order], 0, []
    for number in counts.nonzero()[0].tolist():
        end = start + int(counts[number])
        pieces.append(shard(number).take(offsets[start:end]))
        start = end
    found = np.concatenate(pieces) if pieces else shard(0)[:0]
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return found.take(places)


def columns_of(packed: NDArray[Any], shapes: Shapes) -> Columns:
    """Return packed rows' columns, as views."""
    rows = packed.view(row_type(shapes))
    return {name: rows[name] for name in shapes}


def concatenated(pieces: Sequence[Columns]) -> Columns:
    """Return the rows of all pieces, one after the other."""
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def lists_of(columns: Columns) -> dict[str, pa.Array]:
    """Return encoded rows as Arrow lists of fixed width, for tables."""
    return {
        name: pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
        for name, values in columns.items()
    }

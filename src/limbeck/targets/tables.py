"""Soft targets as a Parquet table: to look at them elsewhere, to carry them, and to bring in a teacher's outputs.

An exported table has one row a prediction: teacher, example, view, row (in its run), and the encoded columns; the
manifest travels in its schema, so that importing it gives the same store to the bit. A table from elsewhere has the
columns `example` (ids) and `logits` or `probs` (lists of one number a class), perhaps `view` and `teacher`.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.files import file_sha256, sha256, write_bytes, writing
from limbeck.progress import Progress
from limbeck.targets.dense import Dense
from limbeck.targets.encoding import Encoding, checked, encoding_of
from limbeck.targets.manifest import (
    EXAMPLES,
    NAME,
    Manifest,
    Member,
    examples_file,
    examples_of,
    manifest_for,
    shard_path,
)
from limbeck.targets.reader import SoftTargets
from limbeck.targets.shards import lists_of, to_shard
from limbeck.targets.writer import begin, default_rows_per_shard, write_member
from limbeck.teachers import PROBABILITY_FLOOR, logits_of

if TYPE_CHECKING:
    import pyarrow.parquet as pq

KEY = b"limbeck"  # of the manifest in the schema
EXPORT_AGAIN = "export the store again, and carry the file again"
ROWS = 4096  # of a table from elsewhere, handed over at once
ELSEWHERE = "a table from elsewhere has the columns example and logits (or probs), perhaps view and teacher"


def export_parquet(targets: SoftTargets, path: str | Path, *, progress: Progress | None = None) -> Path:
    """Write a store as one Parquet file, a row group for each shard, and return its path.

    Raises:
        TargetsError: a shard is missing or damaged.
        RunError: the file can't be written.
    """
    import pyarrow.parquet as pq

    path, manifest = Path(path), targets.manifest
    sealed = manifest.sealed()
    total = manifest.num_rows * targets.num_members
    schema = _rows_of(targets, 0, range(1)).schema.with_metadata({KEY: sealed})
    with (
        writing(path) as partial,
        (progress or Progress()).task("export", total, "rows") as task,
        pq.ParquetWriter(partial, schema, compression="zstd") as writer,
    ):
        for member in range(targets.num_members):
            for number in range(manifest.num_shards):
                rows = manifest.rows_of_shard(number)
                table = pa.Table.from_batches([_rows_of(targets, member, rows)]).replace_schema_metadata({KEY: sealed})
                writer.write_table(table, row_group_size=len(rows))
                task.advance(len(rows))
    return path


def _rows_of(targets: SoftTargets, member: int, rows: range) -> pa.RecordBatch:
    """Return some rows of a teacher, each with what it is a prediction of."""
    own = np.arange(rows.start, rows.stop)
    view, place = np.divmod(own, targets.manifest.rows_per_view)
    ids, in_run = targets.listed
    told = {
        "teacher": np.full(len(own), member, np.int32),
        "example": ids[place],
        "view": view.astype(np.int32),
        "row": in_run[place].astype(np.int32),
    }
    encoded = lists_of(targets.columns_of_rows(member, own))
    return pa.record_batch([*(pa.array(values) for values in told.values()), *encoded.values()], [*told, *encoded])


def import_parquet(
    path: str | Path,
    folder: str | Path,
    *,
    transfer_set: TransferSet | None = None,
    encoding: Encoding | None = None,
    floor: float | None = None,
    progress: Progress | None = None,
) -> SoftTargets:
    """Return the store that a Parquet file holds, written to a folder.

    Args:
        path: what `export_parquet` wrote, or a table from elsewhere.
        folder: where the store goes.
        transfer_set: for a table from elsewhere, what its rows are predictions of.
        encoding: for a table from elsewhere, how it is kept; `Dense("float16")` where None.
        floor: for a table from elsewhere that gives probs, the smallest probability that is told apart; 1e-7 where
            None.
        progress: where to tell how far it is.

    Raises:
        ArgumentError: a table from elsewhere without a transfer set, or the other way round.
        TargetsError: the file is no such table, is damaged, or lacks predictions of some examples.
        RunError: the folder can't be written.
    """
    import pyarrow.parquet as pq

    path, folder, progress = Path(path), Path(folder), progress or Progress()
    with _readable(path), pq.ParquetFile(path) as file:
        told = (file.schema_arrow.metadata or {}).get(KEY)
        if told is not None:
            if transfer_set is not None or encoding is not None or floor is not None:
                raise ArgumentError(f"{path} is an exported store: it is bound to its data, and takes no other")
            return _restore(file, Manifest.unsealed(told, f"{path}'s manifest", EXPORT_AGAIN), folder, progress)
        if transfer_set is None:
            raise ArgumentError(f"{path} is no exported store: give the transfer set it was made for", ELSEWHERE)
        table = file.read()
    return _bring_in(table, file_sha256(path), folder, transfer_set, encoding or Dense(), floor, progress)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises on a damaged file, of many kinds, into TargetsError."""
    try:
        yield
    except (OSError, ValueError, KeyError, AttributeError, MemoryError, pa.ArrowException) as error:
        raise TargetsError(f"{path} can't be read as Parquet: {error}") from error


def _restore(file: "pq.ParquetFile", manifest: Manifest, folder: Path, progress: Progress) -> SoftTargets:
    """Write an exported store as it was; the manifest, which makes it one, last."""
    if (folder / NAME).exists():
        raise TargetsError(f"{folder} holds soft targets already", "choose another folder")
    if file.num_row_groups != manifest.num_shards * len(manifest.members):
        raise TargetsError("an exported table must have one row group a shard: it was written by something else")
    shapes = encoding_of(manifest.encoding).columns(manifest.num_classes)
    first_view: list[NDArray[np.int64]] = []
    with progress.task("import", manifest.num_rows * len(manifest.members), "rows") as task:
        for group in range(file.num_row_groups):
            member, number = divmod(group, manifest.num_shards)
            table = file.read_row_group(group)
            columns = {
                name: table[name].combine_chunks().flatten().to_numpy().reshape(len(table), width)
                for name, (_, width) in shapes.items()
            }
            data = to_shard(columns)
            if sha256(data) != manifest.members[member].shards[number].sha256:
                raise TargetsError(f"row group {group} is damaged: its checksum is not the manifest's", EXPORT_AGAIN)
            write_bytes(shard_path(folder, member, number), data)
            if member == 0:
                first_view.append(table["example"].to_numpy()[table["view"].to_numpy() == 0])
            task.advance(len(table))
    if manifest.examples is not None:
        write_bytes(folder / EXAMPLES, _examples_of(np.concatenate(first_view), manifest))
    manifest.save(folder)
    return SoftTargets.open(folder)


def _examples_of(ids: NDArray[np.int64], manifest: Manifest) -> bytes:
    """Return the file that lists a store's examples, from the example of each row of its first view."""
    begins = np.flatnonzero(np.diff(ids, prepend=-1))  # an example's rows follow one another
    in_runs = examples_file(ids[begins], np.diff(begins, append=len(ids)))
    single = examples_file(ids[begins], None)
    for file in (single, in_runs):
        if file is not None and sha256(file) == manifest.examples:
            return file
    raise TargetsError("the column example is damaged: its checksum is not the manifest's", EXPORT_AGAIN)


def _bring_in(  # noqa: PLR0917 - private
    table: pa.Table,
    sha: str,
    folder: Path,
    transfer_set: TransferSet,
    encoding: Encoding,
    floor: float | None,
    progress: Progress,
) -> SoftTargets:
    """Write what a table from elsewhere holds, as if its teachers had been asked."""
    logits = _logits_in(table, floor)
    column = {name: _numbers_in(table, name) for name in ("example", "view", "teacher")}
    counts = {name: int(column[name].max()) + 1 for name in ("view", "teacher")}
    if transfer_set.run_lengths is not None:
        raise ArgumentError(
            "a table from elsewhere can't be brought in for examples in runs: it has one row an example"
        )
    places = _places(column, counts, transfer_set)
    members = tuple(Member(f"{sha}, teacher {number}", 1.0) for number in range(counts["teacher"]))
    wanted = manifest_for(
        transfer_set,
        num_views=counts["view"],
        num_classes=logits.shape[1],
        encoding=encoding,
        rows_per_shard=default_rows_per_shard(encoding, logits.shape[1]),
        mean="arithmetic",
        members=members,
    )
    begin(folder, wanted, examples_of(transfer_set))
    for member in range(counts["teacher"]):

        def judge(rows: Tensor, number: int, own: NDArray[np.int64] = places[member]) -> Iterator[Tensor]:
            for part in rows.split(ROWS):
                yield logits[torch.from_numpy(own[number][part.numpy()])]

        write_member(folder, member, judge, transfer_set, progress=progress)
    return SoftTargets.open(folder)


def _logits_in(table: pa.Table, floor: float | None) -> Tensor:
    """Return a table's logits (rows, classes)."""
    given = [name for name in ("logits", "probs") if name in table.column_names]
    if "example" not in table.column_names or len(given) != 1 or not len(table):
        raise TargetsError(f"the table must have rows of example and logits, got {table.column_names}", ELSEWHERE)
    values, name = table[given[0]].combine_chunks(), given[0]
    lists = isinstance(values, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray)
    if not lists or values.null_count or not _is_number(values.type.value_type):
        raise TargetsError(f"each row's {name} must be a list of one number a class, got {values.type}")
    widths = values.value_lengths().unique()
    if len(widths) > 1 or widths[0].as_py() == 0:
        raise TargetsError(
            f"each row's {name} must be a list of one number a class, they have {widths.to_pylist()[:5]}"
        )
    flat = values.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    logits = torch.from_numpy(flat.reshape(len(table), -1))
    checked(logits)  # before a folder is bound to them
    if floor is not None and name == "logits":
        raise ArgumentError(f"a floor is for probs, the table gives logits, got {floor}")
    return logits_of(logits, PROBABILITY_FLOOR if floor is None else floor) if name == "probs" else logits


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _numbers_in(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a column of whole numbers >= 0, zeros where there is none."""
    if name not in table.column_names:
        return np.zeros(len(table), np.int64)
    values = table[name]
    if not pa.types.is_integer(values.type) or values.null_count:
        raise TargetsError(f"the table's {name} must be whole numbers, got {values.type}, {values.null_count} empty")
    numbers = values.to_numpy().astype(np.int64)
    if numbers.min() < 0:
        raise TargetsError(f"the table's {name} must be whole numbers >= 0, got {numbers.min()}")
    return numbers


def _places(
    column: dict[str, NDArray[np.int64]], counts: dict[str, int], transfer_set: TransferSet
) -> NDArray[np.int64]:
    """Return the table's row of each (teacher, view, example), -1 where there is none and none is needed."""
    rows, examples, high = len(column["example"]), len(transfer_set.inputs), int(column["example"].max())
    needed = f"the table must have one row for each teacher, view and example of the {transfer_set.name}"
    if high >= examples:
        raise TargetsError(f"the table's examples must lie in 0..{examples - 1}, got {high}")
    wanted = counts["teacher"] * counts["view"] * len(transfer_set)
    if wanted > rows:
        raise TargetsError(
            f"{needed}, {wanted} for {counts['teacher']} teachers and {counts['view']} views, got {rows}"
        )
    places = np.full((counts["teacher"], counts["view"], examples), -1)
    places[column["teacher"], column["view"], column["example"]] = np.arange(rows)
    twice = rows - int((places >= 0).sum())
    if twice:
        raise TargetsError(f"{needed}, {twice} of {rows} are there twice")
    lacking = places[:, :, transfer_set.ids.numpy()] < 0
    if lacking.any():
        teacher, view, position = (int(part[0]) for part in lacking.nonzero())
        raise TargetsError(
            f"{needed}, {int(lacking.sum())} are missing "
            f"(the first: teacher {teacher}, view {view}, example {int(transfer_set.ids[position])})"
        )
    return places

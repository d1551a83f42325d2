"""Writing soft targets: each teacher runs once over the transfer set, its logits go to disk."""

import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import torch

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.files import sha256, write_bytes
from limbeck.progress import Progress
from limbeck.targets.dense import Encoding, encode, to_shard
from limbeck.targets.manifest import NAME, Manifest, Member, Shard, file_sha256
from limbeck.targets.reader import EXAMPLES, SoftTargets
from limbeck.teachers import Teacher, members_of, predict, teacher_fingerprint

ROWS_PER_SHARD = 65_536  # a megabyte of float16 for ten classes, 125 for a thousand


def write_soft_targets(
    teacher: Teacher,
    transfer_set: TransferSet,
    folder: str | Path,
    *,
    num_views: int = 1,
    encoding: Encoding = "float16",
    batch_size: int = 1024,
    rows_per_shard: int = ROWS_PER_SHARD,
    progress: Progress | None = None,
) -> SoftTargets:
    """Run a teacher once over a transfer set and return the store of its logits (Hinton et al. 2015, s. 2).

    A store that is there and finished is opened; one whose writer was killed goes on at the first missing shard.

    Args:
        teacher: a net, an `Ensemble` (each member gets its own column group) or a callable with a `fingerprint`.
        transfer_set: what it judges, seen through the set's view.
        folder: where the store goes.
        num_views: views 0..num_views - 1 of each example are judged.
        encoding: float16, the row's maximum subtracted, or float32.
        batch_size: examples the teacher judges at once.
        rows_per_shard: predictions in one file.
        progress: where to tell how far it is; nowhere by default.

    Raises:
        ArgumentError: a number below 1, or a teacher whose output is not (batch, classes).
        TargetsError: the folder holds soft targets of something else, or a logit is NaN.
        RunError: the folder can't be written.
    """
    for name, number in (("num_views", num_views), ("batch_size", batch_size), ("rows_per_shard", rows_per_shard)):
        if number < 1:
            raise ArgumentError(f"{name} must be >= 1, got {number}")
    if encoding not in ("float16", "float32"):
        raise ArgumentError(f"encoding must be 'float16' or 'float32', got {encoding!r}")
    folder = Path(folder)
    members, mean, weights = members_of(teacher)
    counting = torch.equal(transfer_set.ids, torch.arange(len(transfer_set)))
    wanted = Manifest(
        data=transfer_set.fingerprint,
        ids=sha256(transfer_set.ids.numpy().tobytes()),
        examples=None if counting else sha256(_ids_file(transfer_set)),
        num_examples=len(transfer_set),
        view=transfer_set.view.spec(),
        num_views=num_views,
        num_classes=_num_classes(members, transfer_set),
        encoding=encoding,
        rows_per_shard=rows_per_shard,
        mean=mean,
        members=tuple(
            Member(teacher_fingerprint(member), weight) for member, weight in zip(members, weights, strict=True)
        ),
    )
    manifest = _begin(folder, wanted, transfer_set)
    for index, member in enumerate(members):
        manifest = _write_member(
            index,
            member,
            transfer_set=transfer_set,
            folder=folder,
            manifest=manifest,
            batch_size=batch_size,
            progress=progress or Progress(),
        )
    return SoftTargets.open(folder)


def _ids_file(transfer_set: TransferSet) -> bytes:
    """Return the examples' ids as one Arrow IPC file with one column `id`."""
    table = pa.record_batch([pa.array(transfer_set.ids.numpy())], ["id"])
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_batch(table)
    return buffer.getvalue()


def _begin(folder: Path, wanted: Manifest, transfer_set: TransferSet) -> Manifest:
    """Return the manifest to go on from: the folder's own if it is of the same making, else a new one."""
    if (folder / NAME).exists():
        there = Manifest.load(folder)
        difference = there.difference(wanted)
        if difference:
            raise TargetsError(
                f"{folder} holds soft targets of something else ({difference})",
                "choose another folder, or delete this one to write it anew",
            )
        return there
    if wanted.examples is not None:
        write_bytes(folder / EXAMPLES, _ids_file(transfer_set))
    wanted.save(folder)
    return wanted


def _write_member(
    index: int,
    teacher: Teacher,
    *,
    transfer_set: TransferSet,
    folder: Path,
    manifest: Manifest,
    batch_size: int,
    progress: Progress,
) -> Manifest:
    """Write the shards that one member still lacks; each is whole before the manifest names it."""
    shards = list(manifest.members[index].shards)
    done = sum(shard.rows for shard in shards)
    with progress.task(f"soften: teacher {index + 1}", manifest.num_rows, "rows", done) as task:
        for number in range(-(-manifest.num_rows // manifest.rows_per_shard)):
            start = number * manifest.rows_per_shard
            rows = range(start, min(start + manifest.rows_per_shard, manifest.num_rows))
            path = folder / f"teacher-{index}" / f"{number:05d}.arrow"
            if number < len(shards) and path.exists():
                continue
            logits = torch.cat(
                [
                    predict(teacher, transfer_set, ids=transfer_set.ids[positions], number=view, batch_size=batch_size)
                    for view, positions in _by_view(rows, len(transfer_set))
                ]
            )
            if logits.shape != (len(rows), manifest.num_classes):
                raise ArgumentError(
                    f"teacher {index} must return {manifest.num_classes} classes each time, got {logits.shape[1]}"
                )
            write_bytes(path, to_shard(encode(logits, manifest.encoding)))
            shards[number : number + 1] = [Shard(path.relative_to(folder).as_posix(), len(rows), file_sha256(path))]
            members = list(manifest.members)
            members[index] = replace(members[index], shards=tuple(shards))
            manifest = replace(manifest, members=tuple(members))
            manifest.save(folder)
            task.advance(len(rows))
    return manifest


def _by_view(rows: range, num_examples: int) -> list[tuple[int, slice]]:
    """Split a range of rows into (view number, positions)."""
    parts = []
    for number in range(rows.start // num_examples, (rows.stop - 1) // num_examples + 1):
        first, last = number * num_examples, (number + 1) * num_examples
        parts.append((number, slice(max(rows.start, first) - first, min(rows.stop, last) - first)))
    return parts


def _num_classes(members: list[Teacher], transfer_set: TransferSet) -> int:
    """Return the number of classes on which all members agree."""
    few = transfer_set.ids[:2]
    shapes = [tuple(predict(member, transfer_set, ids=few).shape) for member in members]
    if len(set(shapes)) > 1:
        raise ArgumentError(f"teachers must return logits of one shape (batch, classes), got {sorted(set(shapes))}")
    return shapes[0][1]

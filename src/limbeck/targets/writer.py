"""Writing soft targets: each teacher runs once over the transfer set, its logits go to disk."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import isclose
from pathlib import Path

import torch
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.files import sha256, write_bytes
from limbeck.progress import Progress, Task
from limbeck.targets.dense import Dense
from limbeck.targets.encoding import Columns, Encoding, encoding_of
from limbeck.targets.manifest import (
    EXAMPLES,
    NAME,
    Manifest,
    Member,
    Shard,
    changing,
    examples_of,
    manifest_for,
    shard_path,
)
from limbeck.targets.reader import SoftTargets
from limbeck.targets.shards import concatenated, to_shard
from limbeck.teachers import Teacher, judged, members_of, refuse_probabilities, teacher_fingerprint

MOST_ROWS, MOST_BYTES = 65_536, 64 * 2**20  # of a shard: what is lost with a writer that is killed
READING = "mean and weights can be chosen on reading: SoftTargets.averaged"
MOST_VIEWS = 10_000
FEW = 2  # examples on which teachers are asked for their classes

Judge = Callable[[Tensor, int], Iterator[Tensor]]
"""From source rows and a view's number to their logits, batch by batch."""


def check_views(views: int, least: int = 1, name: str = "views") -> None:
    """Raise ArgumentError unless a store can hold so many views of a row, and they are not fewer than `least`."""
    if not least <= views <= MOST_VIEWS:
        raise ArgumentError(
            f"{name} must lie in {least}..{MOST_VIEWS:,}, got {views:,}", "a student sees one view of a row an epoch"
        )


def write_soft_targets(
    teacher: Teacher,
    transfer_set: TransferSet,
    folder: str | Path,
    *,
    num_views: int = 1,
    encoding: Encoding | None = None,
    add: bool = False,
    part: tuple[int, int] = (1, 1),
    batch_size: int = 256,
    rows_per_shard: int | None = None,
    progress: Progress | None = None,
) -> SoftTargets:
    """Run a teacher once over a transfer set and return the store of its logits (Hinton et al. 2015, s. 2).

    A store that is there and finished is opened; one whose writer was killed goes on at the first missing shard.

    Args:
        teacher: a net, an `Ensemble` (each member gets its own column group), or what `limbeck.teachers` makes.
        transfer_set: what it judges, seen through the set's view.
        folder: where the store goes.
        num_views: views 0..num_views - 1 of each example are judged.
        encoding: `Dense`, `TopK` or `Sampled` of `limbeck.targets`; where None `Dense("float16")`, with `add` the
            store's own.
        add: add the teacher's members to those of a store that is there, which are not asked again. Where one says
            NaN, and nobody else writes or added after it, those that are not whole are taken out again.
        part: (i, n): write only each n-th shard, from the i-th, beside n - 1 other writers; the store can be read
            once all have come to their end.
        batch_size: rows the teacher judges at once.
        rows_per_shard: predictions in one file; 65,536, or fewer where that is over 64 MiB.
        progress: where to tell how far it is, and how often the teacher is right; nowhere by default.

    Raises:
        ArgumentError: a number below 1, a part that is none, or a teacher whose output is not logits (batch, classes).
        TargetsError: the folder holds soft targets of something else, or a logit is NaN.
        RunError: the folder can't be written.
    """
    folder = Path(folder)
    if encoding is None:
        encoding = encoding_of(Manifest.load(folder).encoding) if add and (folder / NAME).exists() else Dense()
    if not isinstance(encoding, Encoding):
        raise ArgumentError(f"encoding must be Dense, TopK or Sampled of limbeck.targets, got {encoding!r}")
    numbers = {
        "num_views": num_views,
        "batch_size": batch_size,
        "rows_per_shard": 1 if rows_per_shard is None else rows_per_shard,
    }
    for name, number in numbers.items():
        if not isinstance(number, int) or number < 1:
            raise ArgumentError(f"{name} must be a whole number >= 1, got {number}")
    check_views(num_views, name="num_views")
    if not 1 <= part[0] <= part[1]:
        raise ArgumentError(f"a part must be i of n with 1 <= i <= n, got {part[0]} of {part[1]}")
    teachers, mean, weights = members_of(teacher)
    num_classes = _num_classes(teachers, transfer_set)
    wanted = manifest_for(
        transfer_set,
        num_views=num_views,
        num_classes=num_classes,
        encoding=encoding,
        rows_per_shard=rows_per_shard or default_rows_per_shard(encoding, num_classes),
        mean=mean,
        members=tuple(
            Member(teacher_fingerprint(member), weight * len(weights))
            for member, weight in zip(teachers, weights, strict=True)
        ),
    )
    manifest = begin(folder, wanted, examples_of(transfer_set), add=add)
    free = [member.fingerprint for member in manifest.members]
    try:
        for member, own in zip(wanted.members, teachers, strict=True):
            place = free.index(member.fingerprint)
            free[place] = ""  # a teacher that is there twice has two places

            def judge(rows: Tensor, number: int, own: Teacher = own) -> Iterator[Tensor]:
                return judged(own, transfer_set, rows, number, batch_size)

            write_member(folder, place, judge, transfer_set, part=part, progress=progress)
    except TargetsError:  # what a teacher raises itself may pass: its addition can go on
        if add and part == (1, 1):  # else others may be writing them
            _take_back(folder, wanted)
        raise
    finished = Manifest.load(folder)
    return SoftTargets(folder, finished) if part != (1, 1) or add else SoftTargets.open(folder)  # others may write on


def begin(folder: Path, wanted: Manifest, examples: bytes | None, *, add: bool = False) -> Manifest:
    """Return the manifest to go on from: the folder's own if it is of the same making, else a new one."""
    hint = "choose another folder, or delete this one to write it anew"
    with changing(folder):
        if not (folder / NAME).exists():
            if examples is not None:
                write_bytes(folder / EXAMPLES, examples)
            wanted.save(folder)
            return wanted
        there = Manifest.load(folder)
        difference = there.difference(wanted)
        if difference:
            raise TargetsError(f"{folder} holds soft targets of something else ({difference})", hint)
        if add:
            return _with_members(folder, there, wanted)
        mine, its = ([(m.fingerprint, m.weight) for m in each.members] for each in (there, wanted))
        if mine != its:
            raise TargetsError(
                f"{folder} holds soft targets of something else (teacher: one there, another here)",
                f"add this teacher to those there with add=True (limbeck soften --add), or {hint}",
            )
        if there.mean != wanted.mean:
            raise TargetsError(
                f"{folder} was written with the {there.mean} mean, got {wanted.mean}",
                READING,
            )
        return there


def _with_members(folder: Path, there: Manifest, wanted: Manifest) -> Manifest:
    """Return the manifest with the teachers it lacks, saved."""
    if len(wanted.members) > 1 and wanted.mean != there.mean:
        raise TargetsError(
            f"{folder} has the {there.mean} mean, teachers with the {wanted.mean} one can't join", READING
        )
    known = [(member.fingerprint, member.weight) for member in there.members]
    new = []
    for member in wanted.members:
        same = [one for one in known if one[0] == member.fingerprint]
        if not same:
            new.append(member)
        elif len(wanted.members) == 1 or isclose(same[0][1], member.weight):  # one alone has no weight of its own
            known.remove(same[0])
        else:
            raise TargetsError(f"{folder} has a teacher with the weight {same[0][1]:g}, got {member.weight:g}", READING)
    extended = replace(there, members=(*there.members, *new))
    extended.save(folder)
    return extended


def _take_back(folder: Path, refused: Manifest) -> None:
    """Take teachers that were to be added, and are not whole, from a store's end: without them it can be read again."""
    with changing(folder):
        there = Manifest.load(folder)
        members, added = list(there.members), {member.fingerprint for member in refused.members}
        while len(members) > 1 and members[-1].fingerprint in added and members[-1].num_rows < there.num_rows:
            members.pop()
        replace(there, members=tuple(members)).save(folder)
        for place in range(len(members), len(there.members)):
            shutil.rmtree(shard_path(folder, place, 0).parent, ignore_errors=True)


def write_member(
    folder: Path,
    index: int,
    judge: Judge,
    transfer_set: TransferSet,
    *,
    part: tuple[int, int] = (1, 1),
    progress: Progress | None = None,
) -> None:
    """Write the shards that one member still lacks; each is whole before the manifest names it."""
    turn, turns = part
    manifest = Manifest.load(folder)
    written, source_rows = shards_there(folder, manifest, index), transfer_set.rows_of(transfer_set.ids)
    own = range(turn - 1, manifest.num_shards, turns)
    rows = {number: len(manifest.rows_of_shard(number)) for number in own}
    done = sum(rows[number] for number in own if number in written)
    with (progress or Progress()).task(f"soften: teacher {index + 1}", sum(rows.values()), "rows", done) as task:
        tally = _Tally(transfer_set, task)
        for number in own:
            if number not in written:
                columns, right = _encoded(manifest, number, judge, source_rows, tally)
                put_shard(folder, index, number, columns, right=right, of=manifest.members[index].fingerprint)


def shards_there(folder: Path, manifest: Manifest, index: int) -> set[int]:
    """Return the numbers of a member's shards that are written."""
    told = (shard.number for shard in manifest.members[index].shards)
    return {number for number in told if shard_path(folder, index, number).exists()}


def put_shard(
    folder: Path, index: int, number: int, columns: Columns, *, right: int | None = None, of: str | None = None
) -> None:
    """Write one shard of a member, then name it in the manifest, beside whoever else writes this store.

    Raises:
        TargetsError: the member is no longer the one whose fingerprint is `of`.
    """
    data = to_shard(columns)
    with changing(folder):
        manifest = Manifest.load(folder)
        if of not in (None, *(member.fingerprint for member in manifest.members[index : index + 1])):
            raise TargetsError(
                f"{folder} has lost teacher {index + 1} while it was asked: another writer of it was refused",
                "look at what that one said",
            )
        write_bytes(shard_path(folder, index, number), data)
        shard = Shard(number, len(next(iter(columns.values()))), sha256(data), right)
        manifest.with_shard(index, shard).save(folder)


class _Tally:
    """How many rows were judged, and how many rightly, told as it goes."""

    def __init__(self, transfer_set: TransferSet, task: Task) -> None:
        labels = None if transfer_set.partly_labelled else transfer_set.labels
        self.labels = None if labels is None else labels.cpu()  # as logits are
        self.transfer_set, self.task = transfer_set, task
        self.rows = self.right = 0

    def count(self, logits: Tensor, rows: Tensor) -> int | None:
        """Return how many of these rows are judged rightly, None without labels."""
        right = None if self.labels is None else int((logits.argmax(-1) == self.labels[rows]).sum())
        self.rows, self.right = self.rows + len(rows), self.right + (right or 0)
        note = "" if right is None else f"right on {self.right / self.rows:.1%}"
        self.task.advance(len(rows), note)
        return right


def _encoded(
    manifest: Manifest, number: int, judge: Judge, source_rows: Tensor, tally: _Tally
) -> tuple[Columns, int | None]:
    """Return a shard's encoded rows, and how many of them the teacher judges rightly."""
    encoding = encoding_of(manifest.encoding)
    start = manifest.rows_of_shard(number).start
    pieces, rights = [], []
    for view, positions in _by_view(manifest.rows_of_shard(number), manifest.rows_per_view):
        judged_rows = source_rows[positions]
        done = 0
        for logits in judge(judged_rows, view):
            if logits.shape[1] != manifest.num_classes:
                raise ArgumentError(
                    f"a teacher must return {manifest.num_classes} classes each time, got {logits.shape[1]}"
                )
            refuse_probabilities(logits)
            asked = judged_rows[done : done + len(logits)]
            try:
                pieces.append(encoding.encode(logits, torch.arange(start, start + len(logits))))
            except TargetsError as error:
                raise _with_place(error, logits, asked, tally.transfer_set) from error
            rights.append(tally.count(logits, asked))
            start, done = start + len(logits), done + len(logits)
    return concatenated(pieces), None if None in rights else sum(filter(None, rights))


def _with_place(error: TargetsError, logits: Tensor, rows: Tensor, transfer_set: TransferSet) -> TargetsError:
    """Return an error that names the first row whose logits have no finite maximum, if there is one."""
    bad = (~logits.float().amax(-1).isfinite()).nonzero().flatten().tolist()
    if not bad:
        return error
    return TargetsError(f"{transfer_set.origin_of(int(rows[bad[0]]))}: {error.message}", error.hint)


def _by_view(rows: range, rows_per_view: int) -> list[tuple[int, slice]]:
    """Split a range of rows into (view number, positions)."""
    parts = []
    for number in range(rows.start // rows_per_view, (rows.stop - 1) // rows_per_view + 1):
        first, last = number * rows_per_view, (number + 1) * rows_per_view
        parts.append((number, slice(max(rows.start, first) - first, min(rows.stop, last) - first)))
    return parts


def default_rows_per_shard(encoding: Encoding, num_classes: int) -> int:
    """Return how many rows one file takes."""
    row_bytes = sum(dtype.itemsize * width for dtype, width in encoding.columns(num_classes).values())
    return max(1, min(MOST_ROWS, MOST_BYTES // row_bytes))


def _num_classes(members: list[Teacher], transfer_set: TransferSet) -> int:
    """Return the number of classes on which all members agree; what gives probabilities is refused before it begins."""
    rows = transfer_set.rows_of(transfer_set.ids[:FEW])
    answers = [torch.cat(list(judged(member, transfer_set, rows, 0, len(rows)))) for member in members]
    for logits in answers:
        refuse_probabilities(logits)
    shapes = [tuple(logits.shape) for logits in answers]
    if len(set(shapes)) > 1:
        raise ArgumentError(f"teachers must return logits of one shape (batch, classes), got {sorted(set(shapes))}")
    return shapes[0][1]

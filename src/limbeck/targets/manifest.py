"""The manifest: what a store was made from, and what each of its files must be."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.files import fingerprint, locked, sha256, write_bytes
from limbeck.targets.encoding import Encoding, encoding_of
from limbeck.teachers import Mean

FORMAT = "limbeck soft targets, 2"
NAME, EXAMPLES = "manifest.json", "examples.arrow"


@dataclass(frozen=True)
class Shard:
    """One file of a member."""

    number: int
    rows: int
    sha256: str
    right: int | None
    """Rows whose most probable class is their label; None without labels."""


@dataclass(frozen=True)
class Member:
    """One teacher's column group."""

    fingerprint: str
    weight: float
    """How much it counts in the mean, relative to the others."""
    shards: tuple[Shard, ...] = ()
    """Those that are written, by number."""

    @property
    def num_rows(self) -> int:
        """Rows that are written."""
        return sum(shard.rows for shard in self.shards)

    @property
    def accuracy(self) -> float | None:
        """Share (0..1) of the rows on which it is right, over what is written; None where labels are not known."""
        rights = [shard.right for shard in self.shards if shard.right is not None]
        return sum(rights) / self.num_rows if len(rights) == len(self.shards) and rights else None


@dataclass(frozen=True)
class Manifest:
    """All that a store is bound to."""

    data: str
    """The source's fingerprint."""
    ids: str
    """SHA-256 of the examples' ids, in order."""
    examples: str | None
    """SHA-256 of the file that holds ids and runs; None where ids simply count and each example is one row."""
    num_examples: int
    rows_per_view: int
    view: dict[str, Any]
    num_views: int
    num_classes: int
    encoding: dict[str, Any]
    rows_per_shard: int
    mean: Mean
    members: tuple[Member, ...]

    @property
    def num_rows(self) -> int:
        """Rows each member must have."""
        return self.rows_per_view * self.num_views

    @property
    def num_shards(self) -> int:
        """Shards each member must have."""
        return -(-self.num_rows // self.rows_per_shard)

    @property
    def finished(self) -> bool:
        """Whether every member has all its rows."""
        return all(member.num_rows == self.num_rows for member in self.members)

    def rows_of_shard(self, number: int) -> range:
        """Return the rows that belong into a shard."""
        start = number * self.rows_per_shard
        return range(start, min(start + self.rows_per_shard, self.num_rows))

    def with_shard(self, index: int, shard: Shard) -> "Manifest":
        """Return the manifest with one more shard of a member."""
        member = self.members[index]
        others = [other for other in member.shards if other.number != shard.number]
        shards = tuple(sorted([*others, shard], key=lambda each: each.number))
        members = list(self.members)
        members[index] = replace(member, shards=shards)
        return replace(self, members=tuple(members))

    def sealed(self) -> bytes:
        """Return the manifest as JSON, with its own checksum."""
        body = asdict(self)
        told = {"format": FORMAT, "seal": fingerprint(body), **body}
        return (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()

    def save(self, folder: Path) -> None:
        """Write the manifest."""
        write_bytes(folder / NAME, self.sealed())

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read a manifest.

        Raises:
            TargetsError: there is none, or it is not what was written.
        """
        path = folder / NAME
        if not path.is_file():
            raise TargetsError(f"{folder} holds no soft targets: there is no {NAME}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise TargetsError(f"{path} can't be read: {error}", write_again(folder)) from error
        return cls.unsealed(data, str(path), write_again(folder))

    @classmethod
    def unsealed(cls, data: bytes, told: str, hint: str) -> "Manifest":
        """Return the manifest that `sealed` wrote; `told` names it in errors, `hint` is the way out.

        Raises:
            TargetsError: it is not what was written.
        """
        try:
            body = json.loads(data)
            form = body.pop("format")
            if form != FORMAT and str(form).startswith(FORMAT[:-1]):
                raise TargetsError(f"{told} must have the format {FORMAT!r}, got {form!r}", hint)
            del body["seal"]
            shards = [tuple(Shard(**shard) for shard in member.pop("shards")) for member in body["members"]]
            members = [Member(**member, shards=own) for member, own in zip(body.pop("members"), shards, strict=True)]
            manifest = cls(**body, members=tuple(members))
            encoding_of(manifest.encoding)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ArgumentError) as error:
            raise TargetsError(f"{told} is damaged: {error}", hint) from error
        if manifest.sealed() != data:  # to the byte: 1e-05 may not become 1E-05 either
            raise TargetsError(f"{told} is damaged: its checksum is not that of its content", hint)
        return manifest

    def check_data(self, transfer_set: TransferSet, folder: Path) -> None:
        """Raise TargetsError unless the store was made from this source, seen through this view."""
        if self.data != transfer_set.fingerprint:
            raise TargetsError(
                f"{folder} was written for other data: its source has fingerprint {self.data[:12]}, "
                f"the {transfer_set.name}'s is {transfer_set.fingerprint[:12]}",
                "write soft targets for this data, or open them against the data they were made from",
            )
        if fingerprint(self.view) != fingerprint(transfer_set.view.spec()):
            raise TargetsError(
                f"{folder} was written for another view: {self.view}, the {transfer_set.name} is seen through "
                f"{transfer_set.view.spec()}",
                "the student has to see what the teacher judged: use the same view for both",
            )

    def difference(self, other: "Manifest") -> str | None:
        """Return in words the first thing in which two stores differ, leaving out teachers and what is written."""
        mine, its = ({**asdict(each), "members": None, "mean": None} for each in (self, other))
        names = {"num_classes": "classes", "num_views": "views", "ids": "examples"}
        for field in mine:
            if fingerprint({"": mine[field]}) != fingerprint({"": its[field]}):
                untold = field in {"data", "ids", "examples"}
                told = ("one", "another") if untold else (mine[field], its[field])
                return f"{names.get(field, field)}: {told[0]} there, {told[1]} here"
        return None


def write_again(folder: Path) -> str:
    """Return the way out of a damaged store."""
    return f"delete {folder} and write the soft targets again"


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[None]:
    """Keep other writers of a store out while its manifest changes."""
    with locked(folder / ".lock"):
        yield


def manifest_for(
    transfer_set: TransferSet,
    *,
    num_views: int,
    num_classes: int,
    encoding: Encoding,
    rows_per_shard: int,
    mean: Mean,
    members: tuple[Member, ...],
) -> Manifest:
    """Return the manifest of a store that is to be written for a transfer set."""
    listed = examples_of(transfer_set)
    return Manifest(
        data=transfer_set.fingerprint,
        ids=sha256(transfer_set.ids.numpy().tobytes()),
        examples=None if listed is None else sha256(listed),
        num_examples=len(transfer_set),
        rows_per_view=transfer_set.num_rows,
        view=transfer_set.view.spec(),
        num_views=num_views,
        num_classes=num_classes,
        encoding=json.loads(json.dumps(encoding.spec())),
        rows_per_shard=rows_per_shard,
        mean=mean,
        members=members,
    )


def examples_of(transfer_set: TransferSet) -> bytes | None:
    """Return the file that lists a set's examples; None where ids count and each example is one row."""
    lengths = transfer_set.run_lengths
    own = None if lengths is None else lengths[transfer_set.ids].numpy()
    return examples_file(transfer_set.ids.numpy(), own)


def examples_file(ids: NDArray[np.int64], lengths: NDArray[np.int64] | None) -> bytes | None:
    """Return ids, and lengths of runs, as an Arrow IPC file; None where ids count and each example is one row."""
    if lengths is None and (ids == np.arange(len(ids))).all():
        return None
    columns = {"id": ids} if lengths is None else {"id": ids, "rows": lengths}
    table = pa.record_batch([pa.array(values) for values in columns.values()], list(columns))
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_batch(table)
    return buffer.getvalue()


def shard_path(folder: Path, member: int, number: int) -> Path:
    """Return where a shard lies."""
    return folder / f"teacher-{member}" / f"{number:05d}.arrow"

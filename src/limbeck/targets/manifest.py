"""The manifest: what a store was made from, and what each of its files must be."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import TargetsError
from limbeck.files import fingerprint, sha256, write_json
from limbeck.targets.dense import Encoding
from limbeck.teachers import Mean

FORMAT = "limbeck soft targets, 1"
NAME = "manifest.json"


@dataclass(frozen=True)
class Shard:
    """One file of a member."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class Member:
    """One teacher's column group."""

    fingerprint: str
    weight: float
    shards: tuple[Shard, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """All that a store is bound to."""

    data: str
    """The source's fingerprint."""
    ids: str
    """SHA-256 of the examples' ids, in order."""
    examples: str | None
    """SHA-256 of the file that holds the ids; None where they simply count."""
    num_examples: int
    view: dict[str, Any]
    num_views: int
    num_classes: int
    encoding: Encoding
    rows_per_shard: int
    mean: Mean
    members: tuple[Member, ...]

    @property
    def num_rows(self) -> int:
        """Rows each member must have."""
        return self.num_examples * self.num_views

    @property
    def finished(self) -> bool:
        """Whether every member has all its rows."""
        return all(sum(shard.rows for shard in member.shards) == self.num_rows for member in self.members)

    def unwritten(self) -> "Manifest":
        """Return what was asked for, without what has been written so far."""
        return replace(self, members=tuple(replace(member, shards=()) for member in self.members))

    def save(self, folder: Path) -> None:
        """Write the manifest, sealed with its own checksum."""
        body = asdict(self)
        write_json(folder / NAME, {"format": FORMAT, "seal": fingerprint(body), **body})

    @classmethod
    def load(cls, folder: Path) -> "Manifest":
        """Read a manifest.

        Raises:
            TargetsError: there is none, or it is not what was written.
        """
        path = folder / NAME
        hint = "write the soft targets again, into an empty folder"
        if not path.is_file():
            raise TargetsError(f"{folder} holds no soft targets: there is no {NAME}")
        try:
            body = json.loads(path.read_bytes())
            sealed = (body.pop("format"), body.pop("seal")) == (FORMAT, fingerprint(body))
            shards = [tuple(Shard(**shard) for shard in member.pop("shards")) for member in body["members"]]
            members = [Member(**member, shards=own) for member, own in zip(body.pop("members"), shards, strict=True)]
            manifest = cls(**body, members=tuple(members))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise TargetsError(f"{path} is damaged: {error}", hint) from error
        if not sealed:
            raise TargetsError(f"{path} is damaged: its checksum is not that of its content", hint)
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
        """Return in words the first thing in which two manifests differ, leaving out what has been written."""
        mine, its = asdict(self.unwritten()), asdict(other.unwritten())
        for field in mine:
            if fingerprint({"": mine[field]}) != fingerprint({"": its[field]}):
                told = (
                    (mine[field], its[field])
                    if field not in ("members", "data", "ids", "examples")
                    else ("one", "another")
                )
                names = {"members": "teacher", "num_classes": "classes", "num_views": "views", "ids": "examples"}
                return f"{names.get(field, field)}: {told[0]} there, {told[1]} here"
        return None


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256."""
    return sha256(path.read_bytes())

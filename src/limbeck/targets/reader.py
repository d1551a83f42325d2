"""Reading soft targets: zero-copy views of the shards, each checked against its checksum before its first use."""

import copy
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.runs_of_rows import first_rows, rows_of_runs
from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets, DenseTargets, MixedTargets, check_served
from limbeck.errors import ArgumentError, TargetsError
from limbeck.files import file_sha256, fingerprint
from limbeck.objective import check_temperature
from limbeck.targets.dense import Dense
from limbeck.targets.encoding import Columns, Encoding, encoding_of
from limbeck.targets.manifest import EXAMPLES, Manifest, shard_path, write_again
from limbeck.targets.shards import columns_of, gather, map_shard
from limbeck.teachers import Mean, mean_logits, relative_weights


class SoftTargets:
    """A store, open for reading. Open one with `SoftTargets.open(folder)`."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self.mean: Mean = manifest.mean
        self.weights: tuple[float, ...] = tuple(member.weight for member in manifest.members)
        self.encoding: Encoding = encoding_of(manifest.encoding)
        self.views_read: int | None = None
        self._shapes = self.encoding.columns(manifest.num_classes)
        self._mapped: dict[tuple[int, int], NDArray[Any]] = {}

    @classmethod
    def open(cls, folder: str | Path) -> "SoftTargets":
        """Open a store that is finished.

        Raises:
            TargetsError: there is none, its writers have not finished, or its manifest is damaged.
        """
        folder = Path(folder)
        manifest = Manifest.load(folder)
        if not manifest.finished:
            raise TargetsError(
                f"{folder} is not finished: {sum(len(member.shards) for member in manifest.members)} of "
                f"{manifest.num_shards * len(manifest.members)} shards are written",
                "write it again with the same arguments: it goes on at the first missing shard",
            )
        return cls(folder, manifest)

    @property
    def num_classes(self) -> int:
        """Classes of the teachers."""
        return self.manifest.num_classes

    @property
    def num_views(self) -> int:
        """Views of each example that are read."""
        return self.manifest.num_views if self.views_read is None else self.views_read

    @property
    def num_members(self) -> int:
        """Teachers in the store."""
        return len(self.manifest.members)

    @property
    def row_bytes(self) -> int:
        """Memory that one row of soft targets takes while it is read, of all teachers, in float32 and int64."""
        widest = sum(8 * width if name == "classes" else 4 * width for name, (_, width) in self._shapes.items())
        return 2 * widest * self.num_counted

    @property
    def num_counted(self) -> int:
        """Teachers whose weight is not 0."""
        return sum(weight > 0 for weight in self.weights)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the manifest's content and the mean in use: by the checksums, of all that is read from it."""
        shares = relative_weights(self.weights, self.num_members)
        views = [] if self.views_read is None else [self.views_read]
        return fingerprint({**asdict(self.manifest), "read as": [self.mean, shares, *views]})

    @property
    def tells_all(self) -> bool:
        """Whether it holds what its teachers say at temperature 1 of every class: what they can be judged by."""
        temperatures = self.encoding.temperatures
        return isinstance(self.encoding, Dense) and (temperatures is None or 1.0 in temperatures)

    def averaged(self, mean: Mean = "arithmetic", weights: Sequence[float] | None = None) -> "SoftTargets":
        """Return the same store read with another mean of its teachers (Hinton et al. 2015, s. 2).

        A weight of 0 leaves a teacher out; without weights they count as they do now.

        Raises:
            ArgumentError: another mean, or weights that are not one number >= 0 a teacher, or all 0.
        """
        if mean not in ("arithmetic", "geometric"):
            raise ArgumentError(f"mean must be 'arithmetic' or 'geometric', got {mean!r}")
        other = copy.copy(self)
        other.__dict__.pop("fingerprint", None)
        other.mean, other.weights = (
            mean,
            relative_weights(self.weights if weights is None else weights, self.num_members),
        )
        return other

    def first_views(self, count: int) -> "SoftTargets":
        """Return the same store read as if it had the first `count` views alone.

        Raises:
            ArgumentError: it has not got so many.
        """
        if not 1 <= count <= self.num_views:
            raise ArgumentError(f"views must lie in 1..{self.num_views}, got {count}")
        other = copy.copy(self)
        other.__dict__.pop("fingerprint", None)
        other.views_read = None if count == self.manifest.num_views else count
        return other

    def check(self, transfer_set: TransferSet, num_classes: int | None = None) -> None:
        """Make sure that the store was made for this set, seen through its view.

        Raises:
            TargetsError: the store is of other data, another view, other classes, or lacks some of the examples.
        """
        self.manifest.check_data(transfer_set, self.folder)
        if num_classes is not None and num_classes != self.num_classes:
            raise TargetsError(
                f"{self.folder} has {self.num_classes} classes, the student has {num_classes}",
                "give the student one output a class of its teacher",
            )
        self._positions_of(transfer_set.ids)

    def check_temperature(self, temperature: float) -> None:
        """Raise ArgumentError unless this store, with its mean, can serve a temperature."""
        check_temperature(temperature)
        check_served(self.encoding.temperatures, temperature)
        if not isinstance(self.encoding, Dense) and self.mean == "geometric" and self.num_counted > 1:
            raise ArgumentError(
                f"a geometric mean needs every class's logit of every teacher, {self.folder} keeps a part of them",
                "use the arithmetic mean, or fuse dense targets and keep a part of the result",
            )

    def at(self, ids: Tensor, number: int = 0, *, temperature: float) -> BatchTargets:
        """Return the soft targets of view `number` of examples `ids`, one row each (a run's rows one after the other).

        Raises:
            ArgumentError: a temperature that the encoding can't serve, or a view the store does not have.
            TargetsError: an example the store does not have, or a damaged shard.
        """
        self.check_temperature(temperature)
        return self.at_rows(self._rows_of(ids, number), temperature)

    def at_rows(self, rows: NDArray[np.int64], temperature: float) -> BatchTargets:
        """Return the soft targets of the store's own rows, by their numbers, at a temperature that is served."""
        used = [member for member, weight in enumerate(self.weights) if weight > 0]
        parts = [
            self.encoding.decode(self.columns_of_rows(member, rows), temperature, self.num_classes) for member in used
        ]
        if len(parts) == 1:
            return parts[0]
        shares = relative_weights([self.weights[member] for member in used], len(used))
        whole = [part.logits for part in parts if isinstance(part, DenseTargets)]
        if whole:
            return DenseTargets(mean_logits(torch.stack(whole), temperature, self.mean, shares))
        return MixedTargets(parts, shares)

    def logits(self, ids: Tensor, number: int = 0, *, temperature: float) -> Tensor:
        """Return the teachers' dense soft target for view `number` of examples `ids`: logits (rows, classes), float32.

        softmax(logits / temperature) is the members' mean softened distribution; for one member the logits are its
        own, less their maximum.

        Raises:
            ArgumentError: the store keeps only a part of the classes, or as `at` does.
            TargetsError: as `at` does.
        """
        found = self.at(ids, number, temperature=temperature)
        if not isinstance(found, DenseTargets):
            raise ArgumentError(
                f"logits of all classes need a dense store, {self.folder} keeps a part of them",
                "use at(), which the objective takes as it is",
            )
        return found.logits

    def columns_of_rows(self, member: int, rows: NDArray[np.int64]) -> Columns:
        """Return one teacher's rows as they are stored."""
        manifest = self.manifest
        packed = gather(partial(self._shard, member), rows, manifest.rows_per_shard, manifest.num_shards - 1)
        return columns_of(packed, self._shapes)

    def columns(self, member: int, ids: Tensor, number: int = 0) -> Columns:
        """Return one teacher's rows for view `number` of examples `ids`, as they are stored."""
        return self.columns_of_rows(member, self._rows_of(ids, number))

    def verify(self) -> None:
        """Check every shard against its checksum.

        Raises:
            TargetsError: a file is missing or not what was written.
        """
        self._mapped.clear()
        self.__dict__.pop("_examples", None)
        self._examples  # noqa: B018 - reading it checks it
        for index, member in enumerate(self.manifest.members):
            for shard in member.shards:
                self._shard(index, shard.number)

    def _shard(self, member: int, number: int) -> NDArray[Any]:
        mapped = self._mapped.get((member, number))
        if mapped is not None:
            return mapped
        path = shard_path(self.folder, member, number)
        told = next((shard for shard in self.manifest.members[member].shards if shard.number == number), None)
        if told is None:
            raise TargetsError(f"shard {path} is not written yet", "wait for its writer, or write it again")
        if not path.is_file():
            raise TargetsError(f"shard {path} is missing", write_again(self.folder))
        if file_sha256(path) != told.sha256:
            raise TargetsError(f"shard {path} is damaged: its checksum is not the manifest's", write_again(self.folder))
        self._mapped[member, number] = map_shard(path, self._shapes, told.rows)
        return self._mapped[member, number]

    @cached_property
    def _examples(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None] | None:
        """(position of each id, -1 for none; lengths of runs by position); None where ids are positions."""
        path = self.folder / EXAMPLES
        if self.manifest.examples is None:
            return None
        if not path.is_file() or file_sha256(path) != self.manifest.examples:
            raise TargetsError(
                f"{path} is missing or damaged: its checksum is not the manifest's", write_again(self.folder)
            )
        listed = pa.ipc.open_file(path.read_bytes()).get_batch(0)
        ids = listed.column("id").to_numpy()
        position = np.full(int(ids.max()) + 1, -1)
        position[ids] = np.arange(self.manifest.num_examples)
        return position, listed.column("rows").to_numpy() if "rows" in listed.schema.names else None

    @cached_property
    def listed(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (id, place in its run) of each row of a view, in the store's order."""
        if self._examples is None:
            return np.arange(self.manifest.num_examples), np.zeros(self.manifest.num_examples, np.int64)
        position, lengths = self._examples
        ids = np.flatnonzero(position >= 0)
        ids = ids[np.argsort(position[ids])]
        lengths = np.ones_like(ids) if lengths is None else lengths
        return np.repeat(ids, lengths), rows_of_runs(np.zeros_like(lengths), lengths)

    def _rows_of(self, ids: Tensor, number: int) -> NDArray[np.int64]:
        """Return the numbers of the rows that examples have in the store."""
        if not 0 <= number < self.num_views:
            raise ArgumentError(f"view must lie in 0..{self.num_views - 1}, got {number}")
        positions = self._positions_of(ids)
        lengths = None if self._examples is None else self._examples[1]
        if lengths is not None:
            positions = rows_of_runs(self._first_rows[positions], lengths[positions])
        return positions + number * self.manifest.rows_per_view if number else positions

    @cached_property
    def _first_rows(self) -> NDArray[np.int64]:
        assert self._examples is not None
        assert self._examples[1] is not None
        return first_rows(self._examples[1])

    def _positions_of(self, ids: Tensor) -> NDArray[np.int64]:
        wanted = ids.cpu().numpy()
        if self.manifest.examples is None and len(wanted):
            low, high = wanted.min(), wanted.max()  # the common case, in few calls
            if low >= 0 and high < self.manifest.num_examples:
                return wanted
        position = None if self._examples is None else self._examples[0]
        size = self.manifest.num_examples if position is None else len(position)
        outside = (wanted < 0) | (wanted >= size)
        positions = wanted if position is None else position[np.where(outside, 0, wanted)]
        outside |= positions < 0
        if outside.any():
            raise TargetsError(
                f"{self.folder} has no soft targets for {int(outside.sum())} of {len(wanted)} examples "
                f"(the first: example {int(wanted[outside][0])})",
                "write soft targets for the whole set, or train on the examples they cover",
            )
        return positions

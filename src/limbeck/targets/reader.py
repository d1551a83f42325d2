"""Reading soft targets: zero-copy views of the shards, each checked against its checksum before its first use."""

from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.files import fingerprint
from limbeck.objective import check_temperature
from limbeck.targets.dense import from_shard
from limbeck.targets.manifest import Manifest, Shard, file_sha256
from limbeck.teachers import mean_logits

EXAMPLES = "examples.arrow"
DAMAGED_HINT = "delete the store and write the soft targets again"


class SoftTargets:
    """A finished store, open for reading. Open one with `SoftTargets.open(folder)`."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder = folder
        self.manifest = manifest
        self._views: dict[str, NDArray[np.floating]] = {}

    @classmethod
    def open(cls, folder: str | Path) -> "SoftTargets":
        """Open a store.

        Raises:
            TargetsError: there is none, its writer has not finished, or its manifest is damaged.
        """
        folder = Path(folder)
        manifest = Manifest.load(folder)
        if not manifest.finished:
            raise TargetsError(
                f"{folder} is not finished: its writer stopped before the last shard",
                "write it again with the same arguments: it goes on at the first missing shard",
            )
        return cls(folder, manifest)

    @property
    def num_classes(self) -> int:
        """Classes in a row."""
        return self.manifest.num_classes

    @property
    def num_views(self) -> int:
        """Views of each example."""
        return self.manifest.num_views

    @property
    def num_members(self) -> int:
        """Teachers in the store."""
        return len(self.manifest.members)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the manifest's content, and so, by its checksums, of all the store holds."""
        from dataclasses import asdict

        return fingerprint(asdict(self.manifest))

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

    def logits(self, ids: Tensor, number: int = 0, *, temperature: float) -> Tensor:
        """Return the teachers' soft target for view `number` of examples `ids`: logits (len(ids), classes), float32.

        softmax(logits / temperature) is the members' mean softened distribution; for one member the logits are its
        own, less their maximum.

        Raises:
            ArgumentError: a temperature that is not > 0, or a view the store does not have.
            TargetsError: an example the store does not have, or a damaged shard.
        """
        check_temperature(temperature)
        members = torch.stack([self.member_logits(m, ids, number) for m in range(self.num_members)])
        weights = [member.weight for member in self.manifest.members]
        return mean_logits(members, temperature, self.manifest.mean, weights)

    def member_logits(self, member: int, ids: Tensor, number: int = 0) -> Tensor:
        """Return one teacher's logits (len(ids), classes), float32, less their maximum."""
        if not 0 <= number < self.num_views:
            raise ArgumentError(f"view must lie in 0..{self.num_views - 1}, got {number}")
        rows = self._positions_of(ids) + number * self.manifest.num_examples
        shards = self.manifest.members[member].shards
        if len(shards) == 1:
            return torch.from_numpy(self._rows_of(shards[0])[rows]).float()
        found = np.empty((len(rows), self.num_classes), self.manifest.encoding)
        which, offsets = np.divmod(rows, self.manifest.rows_per_shard)
        for index in np.unique(which):
            mask = which == index
            found[mask] = self._rows_of(shards[index])[offsets[mask]]
        return torch.from_numpy(found).float()

    def verify(self) -> None:
        """Check every shard against its checksum.

        Raises:
            TargetsError: a file is missing or not what was written.
        """
        self._views.clear()
        self.__dict__.pop("_position", None)
        self._position  # noqa: B018 - reading it checks it
        for member in self.manifest.members:
            for shard in member.shards:
                self._rows_of(shard)

    def _rows_of(self, shard: Shard) -> NDArray[np.floating]:
        if shard.file not in self._views:
            path = self.folder / shard.file
            if not path.is_file():
                raise TargetsError(f"shard {path} is missing", DAMAGED_HINT)
            if file_sha256(path) != shard.sha256:
                raise TargetsError(f"shard {path} is damaged: its checksum is not the manifest's", DAMAGED_HINT)
            rows = from_shard(path)
            if rows.shape != (shard.rows, self.num_classes):
                raise TargetsError(
                    f"shard {path} must hold {(shard.rows, self.num_classes)}, got {rows.shape}", DAMAGED_HINT
                )
            self._views[shard.file] = rows
        return self._views[shard.file]

    @cached_property
    def _position(self) -> NDArray[np.int64] | None:
        """Position of each id, -1 for none; None where ids are positions."""
        path = self.folder / EXAMPLES
        count = self.manifest.num_examples
        counting = np.arange(count)
        if self.manifest.examples is None:
            return None
        if not path.is_file() or file_sha256(path) != self.manifest.examples:
            raise TargetsError(f"{path} is missing or damaged: its checksum is not the manifest's", DAMAGED_HINT)
        ids = pa.ipc.open_file(path.read_bytes()).get_batch(0).column("id").to_numpy()
        position = np.full(int(ids.max()) + 1, -1)
        position[ids] = counting
        return position

    def _positions_of(self, ids: Tensor) -> NDArray[np.int64]:
        wanted = ids.cpu().numpy()
        size = self.manifest.num_examples if self._position is None else len(self._position)
        outside = (wanted < 0) | (wanted >= size)
        positions = wanted if self._position is None else self._position[np.where(outside, 0, wanted)]
        outside |= positions < 0
        if outside.any():
            raise TargetsError(
                f"{self.folder} has no soft targets for {int(outside.sum())} of {len(wanted)} examples "
                f"(the first: example {int(wanted[outside][0])})",
                "write soft targets for the whole set, or train on the examples they cover",
            )
        return positions

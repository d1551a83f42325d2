"""What a training minimises: the only thing, with its batches, in which teachers, twins and students differ."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets
from limbeck.errors import ArgumentError
from limbeck.objective import UNLABELLED, check_hard_weight, distillation_loss, label_loss
from limbeck.targets import SoftTargets


@runtime_checkable
class Objective(Protocol):
    """What a training minimises."""

    @property
    def num_views(self) -> int | None:
        """Cycle through so many views, one an epoch; a new one every epoch where None."""
        ...

    def check(self, transfer_set: TransferSet) -> None:
        """Raise LimbeckError where this objective can't be trained for on this set."""
        ...

    @property
    def row_bytes(self) -> int:
        """Memory that the soft targets of one row take while they are read."""
        ...

    def targets(self, ids: Tensor, number: int) -> BatchTargets | None:
        """Return the soft targets for view `number` of the examples `ids`, or None where none are needed."""
        ...

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        """Return one value per example."""
        ...

    def spec(self) -> dict[str, Any]:
        """Return what binds a training to this objective."""
        ...


@dataclass(frozen=True)
class FromLabels:
    """Cross-entropy with the labels: teachers and label-only twins."""

    num_views: int | None = None

    @property
    def row_bytes(self) -> int:
        return 0

    def check(self, transfer_set: TransferSet) -> None:
        if transfer_set.labels is None:
            raise ArgumentError(f"training on labels needs labels, the {transfer_set.name} has none")
        if transfer_set.partly_labelled:
            raise ArgumentError(
                f"training on labels needs a label for each row, the {transfer_set.name} has rows without",
                "train on transfer_set.labelled()",
            )

    def targets(self, ids: Tensor, number: int) -> BatchTargets | None:
        return None

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        assert labels is not None  # seen by `check`
        return label_loss(logits, labels)

    def spec(self) -> dict[str, Any]:
        return {"name": "labels", "num_views": self.num_views}


@dataclass(frozen=True)
class FromSoftTargets:
    """The paper's objective on stored soft targets: students."""

    soft_targets: SoftTargets
    temperature: float
    hard_weight: float

    def __post_init__(self) -> None:
        self.soft_targets.check_temperature(self.temperature)
        check_hard_weight(self.hard_weight, labelled=True)

    @property
    def num_views(self) -> int | None:
        return self.soft_targets.num_views

    @property
    def row_bytes(self) -> int:
        return self.soft_targets.row_bytes

    def check(self, transfer_set: TransferSet) -> None:
        self.soft_targets.check(transfer_set)
        labels = transfer_set.labels_at(transfer_set.ids)
        check_hard_weight(self.hard_weight, labelled=labels is not None and bool((labels != UNLABELLED).any()))

    def targets(self, ids: Tensor, number: int) -> BatchTargets | None:
        return self.soft_targets.at(ids, number, temperature=self.temperature)

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        assert targets is not None
        return distillation_loss(logits, targets, labels, temperature=self.temperature, hard_weight=self.hard_weight)

    def spec(self) -> dict[str, Any]:
        told = {"temperature": self.temperature, "hard_weight": self.hard_weight}
        return {"name": "soft targets", "store": self.soft_targets.fingerprint, **told}

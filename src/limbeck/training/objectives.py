"""What a training minimises: the only thing, with its batches, in which teachers, twins and students differ."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from torch import Tensor

from limbeck.beyond import correlation_loss, decoupled_loss, standardised
from limbeck.beyond.mixing import check_weights, mixed
from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets, DenseTargets
from limbeck.errors import ArgumentError
from limbeck.objective import check_hard_weight, distillation_loss, label_loss
from limbeck.targets import SoftTargets

SoftLoss = Literal["divergence", "decoupled", "correlation"]


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
        check_hard_weight(self.hard_weight, labelled=transfer_set.has_labels)

    def targets(self, ids: Tensor, number: int) -> BatchTargets | None:
        return self.soft_targets.at(ids, number, temperature=self.temperature)

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        assert targets is not None
        return distillation_loss(logits, targets, labels, temperature=self.temperature, hard_weight=self.hard_weight)

    def spec(self) -> dict[str, Any]:
        told = {"temperature": self.temperature, "hard_weight": self.hard_weight}
        return {"name": "soft targets", "store": self.soft_targets.fingerprint, **told}


@dataclass(frozen=True)
class BeyondThePaper(FromSoftTargets):
    """Stored soft targets by a later objective (`limbeck.beyond`), on standardised logits, or both: students.

    The labels' part is that of the paper's objective, on the logits as they are.
    """

    soft_loss: SoftLoss = "divergence"
    """The paper's divergence, DKD's (decoupled) or DIST's (correlation)."""
    standardise: bool = False
    """Whether teacher and student are compared by logits of mean 0 and deviation 1."""
    weights: tuple[float, float] | None = None
    """The two weights of `decoupled_loss` or `correlation_loss`; their own where None."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.soft_loss not in get_args(SoftLoss):
            raise ArgumentError(f"soft_loss must be one of {', '.join(get_args(SoftLoss))}, got {self.soft_loss!r}")
        if self.weights is not None and self.soft_loss == "divergence":
            raise ArgumentError(
                f"weights are those of decoupled and correlation, the divergence has none: {self.weights}"
            )
        if self.weights is not None:
            if len(self.weights) != 2:
                raise ArgumentError(f"weights must be two, one for each part of the objective, got {self.weights}")
            check_weights(first=self.weights[0], second=self.weights[1])
        if not self.soft_targets.tells_all:
            raise ArgumentError(
                f"objectives beyond the paper need every class's logit, {self.soft_targets.folder} keeps a part of them"
            )

    def check(self, transfer_set: TransferSet) -> None:
        super().check(transfer_set)
        if self.soft_loss == "decoupled" or self.hard_weight > 0:
            FromLabels().check(transfer_set)

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        assert isinstance(targets, DenseTargets)  # of a store that tells all
        z, v = (standardised(each) if self.standardise else each for each in (logits, targets.logits))
        return mixed(self._soft(z, v, labels), logits, labels, self.hard_weight)

    def _soft(self, z: Tensor, v: Tensor, labels: Tensor | None) -> Tensor:
        t = self.temperature
        if self.soft_loss == "decoupled":
            assert labels is not None  # seen by `check`
            if self.weights is None:
                return decoupled_loss(z, v, labels, temperature=t)
            target, others = self.weights
            return decoupled_loss(z, v, labels, temperature=t, target_weight=target, others_weight=others)
        if self.soft_loss == "correlation":
            inter, intra = self.weights or (1.0, 1.0)
            return correlation_loss(z, v, temperature=t, inter_weight=inter, intra_weight=intra)
        return distillation_loss(z, v, temperature=t)

    def spec(self) -> dict[str, Any]:
        weights = None if self.weights is None else list(self.weights)
        told = {"soft_loss": self.soft_loss, "standardise": self.standardise, "weights": weights}
        return {**super().spec(), "name": "beyond the paper", **told}

"""What a specialist learns from: half its own classes, half of the rest (Hinton et al. 2015, s. 5.2), and for how long.

Beside labels it may learn from the generalist's soft targets, which keep it from fitting its few examples too well. A
specialist with a full softmax (s. 6.1) has all classes and no dustbin; soft targets keep what it knows of the others.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from limbeck.budget import Budget
from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets, DenseTargets
from limbeck.errors import ArgumentError
from limbeck.objective import distillation_loss
from limbeck.specialists.checks import as_set
from limbeck.specialists.dustbin import folded_labels, folded_logits
from limbeck.training.objectives import FromSoftTargets


def mixture(
    train: TransferSet, special_classes: Sequence[int], num_classes: int, *, full_softmax: bool = False
) -> TransferSet:
    """Return what a specialist is trained on: batches of half special examples, half random others (s. 5.2).

    Args:
        train: the generalist's training set, all of it labelled.
        special_classes: the specialist's.
        num_classes: the generalist's.
        full_softmax: whether the specialist tells all classes apart; else labels are folded, the dustbin's last.

    Raises:
        ArgumentError: labels are missing, no example is special, or more than half are.
    """
    labels, classes = train.labels_to_judge(), as_set(special_classes, num_classes)
    own = train.ids[torch.isin(labels.cpu(), torch.from_numpy(classes))]
    mixed = train.oversampling(own)
    if full_softmax:
        return mixed
    assert train.labels is not None  # seen by `labels_to_judge`
    return mixed.relabelled(folded_labels(train.labels, special_classes, num_classes))


def special_share(train: TransferSet, special_classes: Sequence[int]) -> float:
    """Return the special classes' share (0..1) of a labelled set: what the dustbin's correction corrects for."""
    return float(torch.isin(train.labels_to_judge().cpu(), torch.tensor(list(special_classes))).double().mean())


def budget_within(share: float, generalist: Budget, train: TransferSet, mixed: TransferSet, rate: float) -> Budget:
    """Return the longest budget of whole epochs that sees at most a share of the examples that the generalist saw.

    Args:
        share: of the generalist's examples, 0..1.
        generalist: its budget.
        train: what it was trained on.
        mixed: the specialist's mixture.
        rate: the specialist's peak learning rate; all else is the generalist's.

    Raises:
        ArgumentError: the share is none, or not even one epoch is within it.
    """
    if not 0 < share <= 1:
        raise ArgumentError(f"share must lie above 0 and up to 1, got {share}")
    epochs = math.floor(share * generalist.epochs * train.num_drawn / mixed.num_drawn * (1 + 1e-9))
    if epochs < 1:
        raise ArgumentError(
            f"a specialist must be allowed one epoch of its {mixed.num_drawn} examples, a share of {share:g} of "
            f"{generalist.epochs} x {train.num_drawn} is less",
            "make special sets smaller, or the share larger",
        )
    return replace(generalist, epochs=epochs, learning_rate=rate)


@dataclass(frozen=True)
class FromGeneralist:
    """Labels and the generalist's soft targets, both as a specialist has its classes."""

    soft: FromSoftTargets
    """The generalist's store for the training set, temperature and the labels' share of the loss."""
    special_classes: tuple[int, ...] | None
    """None for a specialist with a full softmax."""

    @property
    def num_views(self) -> int | None:
        return self.soft.num_views

    @property
    def row_bytes(self) -> int:
        return self.soft.row_bytes

    def check(self, transfer_set: TransferSet) -> None:
        self.soft.check(transfer_set)
        if not self.soft.soft_targets.tells_all:
            raise ArgumentError(
                f"a specialist needs every class's logit, {self.soft.soft_targets.folder} keeps a part of them"
            )

    def targets(self, ids: Tensor, number: int) -> BatchTargets:
        logits = self.soft.soft_targets.logits(ids, number, temperature=self.soft.temperature)
        if self.special_classes is None:
            return DenseTargets(logits)
        t = self.soft.temperature  # softened first, then folded: a dustbin's probability is the sum of softened ones
        return DenseTargets(t * folded_logits(logits / t, self.special_classes))

    def loss(self, logits: Tensor, labels: Tensor | None, targets: BatchTargets | None) -> Tensor:
        assert targets is not None
        soft = self.soft
        return distillation_loss(logits, targets, labels, temperature=soft.temperature, hard_weight=soft.hard_weight)

    def spec(self) -> dict[str, Any]:
        classes = None if self.special_classes is None else list(self.special_classes)
        return {**self.soft.spec(), "name": "from the generalist", "special_classes": classes}

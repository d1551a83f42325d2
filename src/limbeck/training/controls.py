"""Controls: soft targets from which one thing is taken away, to see what that thing was worth.

    smoothed   labels smoothed evenly, to the teacher's mean entropy: no word on which classes are alike
    permuted   the teacher's own numbers, those of the wrong classes dealt out anew for each example: its confidence
               in each example is kept, what the classes share is lost
    random     a net that was never trained, as a teacher: nothing but a fixed function, nearly uniform at a high
               temperature, to agree with

Müller et al. 2019 and Yuan et al. 2020 ask the same of distillation. A student that is no better than its controls has
learned nothing from its teacher but to be less sure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limbeck.controls import Control
from limbeck.data.philox import philox
from limbeck.data.transfer_set import TransferSet
from limbeck.divergence import BatchTargets, DenseTargets
from limbeck.errors import ArgumentError
from limbeck.objective import soften
from limbeck.targets import SoftTargets
from limbeck.training.objectives import FromSoftTargets, Objective

STREAM = 6  # of philox, for which wrong class gets which number
ENTROPY_ROWS = 65_536  # soft targets whose entropy is taken at once


def control_objective(
    control: Control, objective: FromSoftTargets, transfer_set: TransferSet, random_targets: Callable[[], SoftTargets]
) -> Objective:
    """Return the objective of a student's control.

    Args:
        control: which.
        objective: the student's own.
        transfer_set: what both are trained on.
        random_targets: makes the store of an untrained teacher; called for that control alone.

    Raises:
        ArgumentError: it needs labels, or every class's logit, and they are not there; or the student's objective is
            not the paper's, so that more than its targets would differ.
    """
    if type(objective) is not FromSoftTargets:
        raise ArgumentError(
            f"controls are of students on the paper's objective, got {type(objective).__name__}",
            "the controls would differ from such a student by their objective too",
        )
    store, temperature, hard_weight = objective.soft_targets, objective.temperature, objective.hard_weight
    if control == "random":
        return FromSoftTargets(random_targets(), temperature, hard_weight)
    if transfer_set.labels is None or transfer_set.partly_labelled:
        raise ArgumentError(
            f"the control {control!r} needs a label for each row, the {transfer_set.name} has not got them"
        )
    if not store.tells_all:
        raise ArgumentError(f"the control {control!r} needs every class's logit, {store.folder} keeps a part of them")
    kind = Smoothed if control == "smoothed" else Permuted
    return kind(store, temperature, hard_weight, transfer_set)


@dataclass(frozen=True)
class _Control(FromSoftTargets):
    """A student's objective with other targets in the place of its teacher's."""

    transfer_set: TransferSet

    def labels(self, ids: Tensor) -> Tensor:
        """Return the label of each row of the examples `ids`."""
        labels = self.transfer_set.labels_at(ids)
        assert labels is not None  # seen by `control_objective`
        return labels


class Smoothed(_Control):
    """Labels smoothed evenly, as much as gives them the mean entropy of the teacher's softened targets."""

    def targets(self, ids: Tensor, number: int) -> BatchTargets:
        return DenseTargets(self._logits_by_label.index_select(0, self.labels(ids)))

    @cached_property
    def _logits_by_label(self) -> Tensor:
        """Logits (classes, classes) whose softmax at the temperature is the smoothed label."""
        classes = self.soft_targets.num_classes
        smoothing = smoothing_of_entropy(self.mean_entropy, classes)
        probs = torch.full((classes, classes), smoothing / classes, dtype=torch.float64)
        probs.fill_diagonal_(1 - smoothing + smoothing / classes)
        return (self.temperature * probs.log()).float()

    @cached_property
    def mean_entropy(self) -> float:
        """Of the teacher's softened targets over all views of the transfer set, in nats."""
        total = 0.0
        for number in range(self.soft_targets.num_views):
            for ids in self.transfer_set.ids.split(ENTROPY_ROWS):
                logits = self.soft_targets.logits(ids, number, temperature=self.temperature)
                probs = soften(logits.double(), self.temperature)
                total += torch.special.entr(probs).sum().item()
        return total / (self.transfer_set.num_rows * self.soft_targets.num_views)

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "control": "smoothed"}


class Permuted(_Control):
    """The teacher's logits, those of the wrong classes permuted for each row and view by itself."""

    def targets(self, ids: Tensor, number: int) -> BatchTargets:
        logits = self.soft_targets.logits(ids, number, temperature=self.temperature)
        rows = self.transfer_set.rows_of(ids).numpy()
        order = _order_of_others(rows, number, self.labels(ids).numpy(), self.soft_targets.num_classes)
        return DenseTargets(logits.gather(1, torch.from_numpy(order)))

    def spec(self) -> dict[str, Any]:
        return {**super().spec(), "control": "permuted"}


def _order_of_others(rows: np.ndarray, number: int, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return for each row which class's number each class gets: the label its own, the others each another's."""
    counter = rows[:, None] * classes + np.arange(classes)
    dealt = philox(0, STREAM, counter.ravel(), number)[0].reshape(counter.shape).astype(np.int64)
    places = np.arange(len(rows))
    dealt[places, labels] = -1
    by_draw = np.argsort(dealt, axis=1, kind="stable")  # the label first, the others shuffled
    natural = np.broadcast_to(np.arange(classes), counter.shape).copy()
    natural[places, labels] = -1
    by_class = np.argsort(natural, axis=1, kind="stable")  # the label first, the others as they are numbered
    order = np.empty_like(by_draw)
    np.put_along_axis(order, by_class, by_draw, axis=1)
    return order


def smoothing_of_entropy(entropy: float, classes: int) -> float:
    """Return the share e (0..1) for which (1 - e)·onehot + e/classes has an entropy, in nats.

    >>> round(smoothing_of_entropy(0.5, 10), 4)
    0.0999
    """
    from scipy.optimize import brentq
    from scipy.special import entr

    def excess(share: float) -> float:
        other = share / classes
        return entr(1 - share + other) + (classes - 1) * entr(other) - entropy

    return 1.0 if excess(1.0) <= 0 else float(brentq(excess, 0.0, 1.0, xtol=1e-15))  # pyright: ignore[reportArgumentType]

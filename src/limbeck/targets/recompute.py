"""Asking the teacher again: is what a store holds what the teacher says of these examples in these views?"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from limbeck.data.philox import permutation
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError
from limbeck.targets.encoding import checked
from limbeck.targets.reader import SoftTargets
from limbeck.teachers import Teacher, members_of, predict

STREAM = 4  # of philox, for which rows are asked again
HALF_STEP = 2.0**-11  # of float16, relative: what storing a logit changes at most


@dataclass(frozen=True)
class Recomputed:
    """How far stored logits (less their row's maximum) are from what the teacher says now."""

    rows: int
    """Rows that were asked again, over all teachers."""
    largest_difference: float
    beyond_rounding: float
    """The largest difference that is left when float16's rounding is taken off."""
    example: int
    """Where the largest difference is: the example's id, and its view."""
    view: int


def recompute(
    targets: SoftTargets, teacher: Teacher, transfer_set: TransferSet, count: int, *, seed: int = 0
) -> Recomputed:
    """Run a teacher again on `count` random examples in random views and compare with what is stored.

    Args:
        targets: the store.
        teacher: what wrote it: an `Ensemble` where it has several teachers, in their order.
        transfer_set: what it was written for, or a part of it.
        count: how many examples, each view of one for itself; all where there are fewer.
        seed: of their choice.

    Raises:
        ArgumentError: a count below 1, or another number of teachers than the store has.
        TargetsError: the store is of other data or another view, or damaged.
    """
    if count < 1:
        raise ArgumentError(f"the number of rows to recompute must be >= 1, got {count}")
    targets.check(transfer_set)
    teachers = members_of(teacher)[0]
    if len(teachers) != targets.num_members:
        raise ArgumentError(f"{targets.folder} has {targets.num_members} teachers, got {len(teachers)}")
    picked = permutation(seed, STREAM, 0, len(transfer_set) * targets.num_views)[:count]
    views, places = (torch.from_numpy(part) for part in np.divmod(picked, len(transfer_set)))
    found = []
    for number in views.unique().tolist():
        own = transfer_set.ids[places[views == number]]
        for member, each in enumerate(teachers):
            logits = predict(each, transfer_set, ids=own, number=number)
            found.append(_compared(targets, member, own, number, logits, transfer_set))
    rows = sum(each.rows for each in found)
    worst = max(found, key=lambda each: each.largest_difference)
    beyond = max(each.beyond_rounding for each in found)
    return Recomputed(rows, worst.largest_difference, beyond, worst.example, worst.view)


def _compared(  # noqa: PLR0917 - private
    targets: SoftTargets, member: int, ids: Tensor, number: int, logits: Tensor, transfer_set: TransferSet
) -> Recomputed:
    stored, classes = targets.encoding.known_logits(targets.columns(member, ids, number))
    if logits.shape[1] != targets.num_classes:
        raise ArgumentError(f"the teacher must have the store's {targets.num_classes} classes, got {logits.shape[1]}")
    fresh = checked(logits)
    fresh = fresh if classes is None else fresh.gather(-1, classes)
    apart = torch.where(stored == fresh, 0, (stored - fresh).abs())  # equal where both are -inf
    excess = (apart - fresh.abs().nan_to_num(posinf=0) * HALF_STEP).clamp(min=0)
    row = int(apart.amax(-1).argmax())
    lengths = None if transfer_set.run_lengths is None else transfer_set.run_lengths[ids]
    owners = ids if lengths is None else ids.repeat_interleave(lengths)
    return Recomputed(len(fresh), float(apart.max()), float(excess.max()), int(owners[row]), number)

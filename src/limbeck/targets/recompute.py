"""Asking the teacher again: is what a store holds what the teacher says of these examples in these views?"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.philox import below64, permutation
from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError, TargetsError
from limbeck.targets.encoding import LOWEST_FLOAT16, checked
from limbeck.targets.reader import SoftTargets
from limbeck.teachers import Teacher, members_of, predict

STREAM = 4  # of philox, for which rows are asked again
HALF_STEP = 2.0**-11  # of float16, relative: what storing a logit changes at most


@dataclass(frozen=True)
class Recomputed:
    """How far stored logits (less their row's maximum), and what tells of classes left out, are from what it says now.

    That is a tail's mass (`TopK`), or the logs of totals (`Sampled`).
    """

    rows: int
    """Rows that were asked again, over all teachers."""
    largest_difference: float
    beyond_rounding: float
    """The largest difference that is left when float16's rounding is taken off."""
    example: int
    """Where the largest difference is: the example's id, and its view."""
    view: int


def recompute(
    targets: SoftTargets,
    teacher: Teacher,
    transfer_set: TransferSet,
    count: int,
    *,
    seed: int = 0,
    batch_size: int = 256,
) -> Recomputed:
    """Run a teacher again on `count` random examples in random views and compare with what is stored.

    Args:
        targets: the store.
        teacher: what wrote it: an `Ensemble` where it has several teachers, in their order.
        transfer_set: its source; examples are drawn from those that both have.
        count: how many examples, each view of one for itself; all where there are fewer.
        seed: of their choice.
        batch_size: rows the teacher judges at once.

    Raises:
        ArgumentError: a count below 1, or another number of teachers than the store has.
        TargetsError: the store is of other data or another view, or damaged.
    """
    if count < 1:
        raise ArgumentError(f"the number of rows to recompute must be >= 1, got {count}")
    targets.manifest.check_data(transfer_set, targets.folder)
    teachers = members_of(teacher)[0]
    if len(teachers) != targets.num_members:
        raise ArgumentError(f"{targets.folder} has {targets.num_members} teachers, got {len(teachers)}")
    shared = np.intersect1d(transfer_set.ids.numpy(), targets.listed[0])
    if not len(shared):
        raise TargetsError(
            f"{targets.folder} and the {transfer_set.name} must share examples, they have none in common"
        )
    ids, views = _drawn(shared, targets.num_views, count, seed)
    found = []
    for number in views.unique().tolist():
        own = ids[views == number]
        for member, each in enumerate(teachers):
            logits = predict(each, transfer_set, ids=own, number=number, batch_size=batch_size)
            found.append(_compared(targets, member, own, number, logits, transfer_set))
    rows = sum(each.rows for each in found)
    worst = max(found, key=lambda each: each.largest_difference)
    beyond = max(each.beyond_rounding for each in found)
    return Recomputed(rows, worst.largest_difference, beyond, worst.example, worst.view)


def _drawn(ids: NDArray[np.int64], num_views: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return `count` different pairs of an example and a view, all where there are fewer."""
    total = len(ids) * num_views
    if 2 * count >= total:
        picked = permutation(seed, STREAM, 0, total)[:count]
    else:  # many more than are wanted: draw until enough differ
        drawn = below64(seed, STREAM, 8 * count + 64, total)
        picked = drawn[np.sort(np.unique(drawn, return_index=True)[1])][:count]
    views, places = np.divmod(picked, len(ids))
    return torch.from_numpy(ids[places]), torch.from_numpy(views)


def _compared(  # noqa: PLR0917 - private
    targets: SoftTargets, member: int, ids: Tensor, number: int, logits: Tensor, transfer_set: TransferSet
) -> Recomputed:
    columns = targets.columns(member, ids, number)
    stored, classes = targets.encoding.known_logits(columns)
    if logits.shape[1] != targets.num_classes:
        raise ArgumentError(f"the teacher must have the store's {targets.num_classes} classes, got {logits.shape[1]}")
    fresh = checked(logits)
    fresh = fresh if classes is None else fresh.gather(-1, classes)
    if columns["logits"].dtype == np.float16:
        fresh = torch.where(fresh.isneginf(), fresh, fresh.clamp(min=LOWEST_FLOAT16))
    apart = torch.where(stored == fresh, 0, (stored - fresh).abs())  # equal where both are -inf
    excess = (apart - fresh.abs().nan_to_num(posinf=0) * HALF_STEP).clamp(min=0)
    for name in {"log_tail", "log_totals"} & columns.keys():  # what is kept of the classes that are not
        again = targets.encoding.encode(logits, torch.arange(len(logits)))
        own, its = (torch.from_numpy(each[name].copy()) for each in (columns, again))
        if name == "log_tail":  # -inf where k is all classes; totals grow with the classes, as their logs don't
            own, its = own.exp(), its.exp()
        apart, excess = (torch.cat([part, (own - its).abs()], -1) for part in (apart, excess))
    row = int(apart.amax(-1).argmax())
    lengths = None if transfer_set.run_lengths is None else transfer_set.run_lengths[ids]
    owners = ids if lengths is None else ids.repeat_interleave(lengths)
    return Recomputed(len(fresh), float(apart.max()), float(excess.max()), int(owners[row]), number)

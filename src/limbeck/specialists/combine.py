"""Generalist and specialists as one distribution (Hinton et al. 2015, s. 5.4, eq. 5).

q minimises KL(p_g ‖ q) + Σ_{m ∈ A_k} KL(p_m ‖ q), where q's probabilities are added up over the classes of each
specialist's dustbin. Classes that belong to the same special sets share a factor, so that what is solved is small
whatever the number of classes: see `groups`, and `forward` and `reverse` for the two directions of KL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from limbeck.errors import ArgumentError, LimbeckError
from limbeck.objective import IN_CACHE
from limbeck.specialists import forward, reverse
from limbeck.specialists.checks import check_distributions, check_special_classes, checked_active, dustbin_of_all
from limbeck.specialists.groups import Groups, Solved, grouped, membership

Direction = Literal["forward", "reverse"]
SOLVED = 1e-10  # residual above which a row is not solved
NEEDED = 1e10  # times the least weight: a mass that a group must have though nobody gives it anything


@dataclass(frozen=True)
class Combination:
    """What `combine` returns, and how well it is solved."""

    probs: Float[Tensor, "batch classes"]
    iterations: Int[Tensor, " batch"]
    """Newton's steps; 0 with one specialist or none."""
    residual: Float[Tensor, " batch"]
    """How far the optimality condition is from met, in nats. Equation 5's value is at most that above its minimum."""


def combine(
    generalist_probs: Float[Tensor, "batch classes"],
    specialist_probs: Sequence[Float[Tensor, "batch _"]],
    special_classes: Sequence[Sequence[int]],
    active: Bool[Tensor, "batch specialists"] | None = None,
    direction: Direction = "forward",
) -> Float[Tensor, "batch classes"]:
    """Return the distribution q that agrees best with generalist and specialists (Hinton et al. 2015, s. 5.4, eq. 5).

    Computed in float64 on the CPU, returned in the inputs' type, float32 at least, where the generalist's probabilities
    are. It has no gradient: a student learns from `em_target`. A class that a specialist's set lacks is in its dustbin.
    Probabilities may be 0: forward, of several best q one is returned, which spreads evenly what nobody says anything
    of; in reverse a class to which one of the distributions gives 0 has 0.

    Args:
        generalist_probs: p_g.
        specialist_probs: p_m of each specialist, a probability for each of its classes and, last, the dustbin's.
        special_classes: each specialist's classes, in the order of its probabilities.
        active: A_k, which specialists count for which row; all where None. Rows of others may hold anything.
        direction: "forward" is the paper's KL(p ‖ q), "reverse" KL(q ‖ p).

    Raises:
        ArgumentError: shapes that don't fit, classes that are not there or twice in a set, rows that are no
            distributions, a dustbin > 0 for a set of all classes, or in reverse a row in which each class has a
            probability of 0 somewhere.

    >>> p_g = torch.tensor([[0.5, 0.25, 0.25]])
    >>> combine(p_g, [torch.tensor([[0.1, 0.9]])], [[0]])
    tensor([[0.3000, 0.3500, 0.3500]])
    """
    return combination(generalist_probs, specialist_probs, special_classes, active, direction).probs


def combination(
    generalist_probs: Float[Tensor, "batch classes"],
    specialist_probs: Sequence[Float[Tensor, "batch _"]],
    special_classes: Sequence[Sequence[int]],
    active: Bool[Tensor, "batch specialists"] | None = None,
    direction: Direction = "forward",
) -> Combination:
    """Return what `combine` returns, with iterations and residual of each row."""
    if direction not in ("forward", "reverse"):
        raise ArgumentError(f"direction must be 'forward' or 'reverse', got {direction!r}")
    sets = check_special_classes(generalist_probs, specialist_probs, special_classes)
    counted = checked_active(active, len(generalist_probs), len(sets))
    kind = torch.float32
    for given in (generalist_probs, *specialist_probs):
        kind = torch.promote_types(kind, given.dtype)
    everyone, *specialists = (each.detach().cpu() for each in (generalist_probs, *specialist_probs))
    found = torch.empty(everyone.shape, dtype=kind)
    iterations, residual = np.zeros(len(everyone), int), np.zeros(len(everyone))
    inside = membership(sets, everyone.shape[1])
    for members, rows in _shared(counted):
        groups = grouped([sets[m] for m in members], inside[:, members])
        for part in _parts(rows, groups):
            index = torch.from_numpy(part)
            p_g = check_distributions("the generalist", everyone[index])
            p_m = [check_distributions(f"specialist {m}", specialists[m][index]) for m in members]
            q, solved = _of_rows(p_g, p_m, members, groups, direction)
            found[index] = torch.from_numpy(q).to(kind)
            iterations[part], residual[part] = solved.iterations, solved.residual
    unsolved = ~(residual <= SOLVED)  # NaN too
    if unsolved.any():
        raise LimbeckError(
            f"equation 5 must be solved to {SOLVED:g}, {unsolved.sum()} rows are off by {residual.max():g} at most"
        )
    device = generalist_probs.device
    return Combination(found.to(device), torch.from_numpy(iterations).to(device), torch.from_numpy(residual).to(device))


def _shared(active: NDArray[np.bool_]) -> list[tuple[list[int], NDArray[np.intp]]]:
    """Return each A_k there is, and the rows that have it."""
    if not len(active):
        return []
    packed = np.packbits(active, axis=1)
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    rows = np.split(np.argsort(which.ravel(), kind="stable"), np.cumsum(np.bincount(which.ravel()))[:-1])
    return [(np.flatnonzero(active[one]).tolist(), own) for one, own in zip(first, rows, strict=True)]


def _parts(rows: NDArray[np.intp], groups: Groups) -> list[NDArray[np.intp]]:
    """Return the rows, as many together as stay in the cache."""
    step = max(1, IN_CACHE // max(len(groups.rest), groups.outside.size, 1))
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _of_rows(
    p_g: NDArray[np.float64], p_m: list[NDArray[np.float64]], members: list[int], groups: Groups, direction: Direction
) -> tuple[NDArray[np.float64], Solved]:
    """Return q for rows that share one A_k, and what was solved for it."""
    if not p_m:
        return p_g, Solved(p_g, np.zeros(len(p_g), int), np.zeros(len(p_g)))
    dustbins = np.stack([p[:, -1] for p in p_m])
    if direction == "forward":
        nowhere = np.flatnonzero((dustbins > 0).any(1) & ~groups.outside.any(0))
        if len(nowhere):
            raise dustbin_of_all(members[nowhere[0]], dustbins[nowhere[0]].max())
        covered = _sums(p_g, p_m, groups)
        weights, least = groups.summed(covered, p_g), forward.TINY * groups.sizes[:, None]
        solved = forward.solve(weights, dustbins, groups.outside, groups.sizes)
        masses = solved.masses / solved.masses.sum(0)
        q = _scaled(p_g, covered, masses / np.maximum(weights, least), groups)
        untold = weights < least
        unmet = (dustbins > 0) & (groups.outside.T @ ~untold == 0)  # dustbins for classes that nobody gives anything
        needed = untold & ((groups.outside @ unmet > 0) | (masses > NEEDED * least))
        for group in np.flatnonzero(needed.any(1)).tolist():
            rows = np.flatnonzero(needed[group])
            q[np.ix_(rows, groups.classes_of(group))] = masses[group, rows, None] / groups.sizes[group]
        return q, solved
    covered = _means(p_g, p_m, groups)
    weights = groups.summed(covered, p_g)
    solved = reverse.solve(weights, dustbins, groups.outside)
    scale = np.divide(solved.masses, weights, out=np.zeros_like(weights), where=weights > 0)
    return _scaled(p_g, covered, scale, groups), solved


def _sums(p_g: NDArray[np.float64], p_m: list[NDArray[np.float64]], groups: Groups) -> NDArray[np.float64]:
    """Return what each class in the sets is given altogether."""
    covered = p_g.take(groups.order, 1)
    for p, places in zip(p_m, groups.places, strict=True):
        covered[:, places] += p[:, :-1]
    return covered


def _means(p_g: NDArray[np.float64], p_m: list[NDArray[np.float64]], groups: Groups) -> NDArray[np.float64]:
    """Return the geometric mean of what each class in the sets is given."""
    with np.errstate(divide="ignore"):
        logs = np.log(p_g.take(groups.order, 1))
        for p, places in zip(p_m, groups.places, strict=True):
            logs[:, places] += np.log(p[:, :-1])
    own = (1 + len(p_m) - groups.outside.sum(1))[: groups.num_covering]
    return np.exp(logs / np.repeat(own, groups.sizes[: groups.num_covering]))


def _scaled(
    p_g: NDArray[np.float64], covered: NDArray[np.float64], scale: NDArray[np.float64], groups: Groups
) -> NDArray[np.float64]:
    """Return q (rows, classes): what each class is given, times its group's factor."""
    inner = groups.num_covering
    q = p_g * scale[-1][:, None] if inner < len(groups.sizes) else np.empty_like(p_g)
    q[:, groups.order] = covered * np.repeat(scale[:inner].T, groups.sizes[:inner], axis=1)
    return q

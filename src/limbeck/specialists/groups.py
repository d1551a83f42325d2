"""Classes grouped by the special sets they belong to: those that share all of them share a factor in equation 5.

Of C classes and M special sets no more than min(C, 2^M) groups exist, and only those that exist are held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int
from numpy.typing import NDArray


class Solved(NamedTuple):
    """Equation 5 over groups of classes, of some rows."""

    masses: Float64[np.ndarray, "groups rows"]
    """q's probability of each group."""
    iterations: Int[np.ndarray, " rows"]
    residual: Float64[np.ndarray, " rows"]


@dataclass(frozen=True)
class Groups:
    """The groups of some special sets; the last is that of the classes in none, where there are such classes."""

    order: Int[np.ndarray, " covered"]
    """Classes in one or more of the sets, group after group."""
    starts: Int[np.ndarray, " covering"]
    """Where each group begins in `order`."""
    sizes: Int[np.ndarray, " groups"]
    """Classes of each."""
    outside: Float64[np.ndarray, "groups sets"]
    """1 where a group lies outside a set, 0 where inside."""
    places: Sequence[NDArray[np.intp]]
    """Where each set's classes stand in `order`, in the set's own order."""
    rest: Float64[np.ndarray, " classes"]
    """1 for a class in no set, 0 for the others."""

    @property
    def num_covering(self) -> int:
        """Groups that lie in one or more of the sets: all but the last, or all."""
        return len(self.starts)

    def classes_of(self, group: int) -> NDArray[np.intp]:
        """Return the classes of one group."""
        if group == self.num_covering:
            return np.flatnonzero(self.rest)
        return self.order[self.starts[group] : self.starts[group] + self.sizes[group]]

    def summed(
        self, covered: Float64[np.ndarray, "rows covered"], every: Float64[np.ndarray, "rows classes"]
    ) -> Float64[np.ndarray, "groups rows"]:
        """Return each group's sum: of `covered` in the sets, of `every` outside them all."""
        inside = np.add.reduceat(covered, self.starts, axis=1).T
        return np.vstack([inside, every @ self.rest] if len(self.sizes) > len(self.starts) else [inside])


def grouped(special_classes: Sequence[NDArray[np.intp]], inside: Bool[np.ndarray, "classes sets"]) -> Groups:
    """Return the groups of some special sets, given as indices and as truth values.

    >>> sets = [np.array([0, 1]), np.array([1, 2])]
    >>> groups = grouped(sets, membership(sets, 5))
    >>> groups.order, groups.sizes, groups.outside[-1]
    (array([2, 0, 1]), array([1, 1, 1, 2]), array([1., 1.]))
    """
    covered = np.flatnonzero(inside.any(1))
    patterns = np.packbits(inside[covered], axis=1)
    _, first, which = np.unique(patterns, axis=0, return_index=True, return_inverse=True)
    sorting = np.argsort(which.ravel(), kind="stable")
    order, sizes = covered[sorting], np.bincount(which.ravel(), minlength=len(first))
    outside = (~inside[covered[first]]).astype(np.float64)
    place = np.empty(len(inside), np.intp)
    place[order] = np.arange(len(order))
    if len(covered) < len(inside):
        sizes, outside = np.append(sizes, len(inside) - len(covered)), np.vstack([outside, np.ones(inside.shape[1])])
    starts = (np.cumsum(sizes) - sizes)[: len(first)]
    rest = np.ones(len(inside))
    rest[covered] = 0
    return Groups(order, starts, sizes, outside, [place[classes] for classes in special_classes], rest)


def membership(special_classes: Sequence[NDArray[np.intp]], num_classes: int) -> Bool[np.ndarray, "classes sets"]:
    """Return whether each class belongs to each special set."""
    inside = np.zeros((num_classes, len(special_classes)), bool)
    for number, classes in enumerate(special_classes):
        inside[classes, number] = True
    return inside

"""What special sets are worth before any specialist is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.objective import check_labels
from limbeck.specialists.checks import as_sets
from limbeck.specialists.choose import active_specialists
from limbeck.specialists.clusters import coverage
from limbeck.specialists.covariance import Moments
from limbeck.specialists.groups import membership

Clustering = Sequence[int] | Int[np.ndarray, " classes"]
"""Each class's cluster."""


@dataclass(frozen=True)
class ClusterReport:
    """Figures of special sets; None where there is nothing to tell them from."""

    coverage: float
    """Share of the classes in one or more sets."""
    within: float | None
    """Mean correlation of two classes that share a set."""
    between: float | None
    """Mean correlation of two classes that share none."""
    ceiling: float | None
    """Share of the generalist's errors whose truth is in the set of a specialist that counts: no more can be mended."""


def cluster_report(
    moments: Moments,
    sets: Sequence[Sequence[int]],
    probs: Float[Tensor, "examples classes"] | None = None,
    labels: Int[Tensor, " examples"] | None = None,
    n: int = 1,
) -> ClusterReport:
    """Return the figures of special sets; the ceiling from predictions on labelled examples.

    Args:
        moments: of the generalist's predictions.
        sets: the special sets.
        probs: the generalist's on held-out examples, or its logits.
        labels: of the same.
        n: how many of the generalist's most probable classes call specialists, see `active_specialists`.

    Raises:
        ArgumentError: sets of classes that are not there, or labels that are not the predictions'.
    """
    num_classes = len(moments.mean)
    inside = membership(as_sets(sets, num_classes), num_classes).astype(float)
    together = (inside @ inside.T)[np.triu_indices(num_classes, 1)] > 0
    pairs = moments.correlation[np.triu_indices(num_classes, 1)]
    return ClusterReport(
        coverage=coverage(sets, num_classes),
        within=float(pairs[together].mean()) if together.any() else None,
        between=float(pairs[~together].mean()) if not together.all() else None,
        ceiling=None if probs is None or labels is None else ceiling(probs, labels, sets, n),
    )


def ceiling(
    probs: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
    sets: Sequence[Sequence[int]],
    n: int = 1,
) -> float | None:
    """Return the share of the generalist's errors whose truth is in the set of a specialist that counts.

    With n = 1: whose truth shares a set with the class that was chosen. None where there are no errors.

    Raises:
        ArgumentError: labels that are not the predictions', or sets of classes that are not there.
    """
    check_labels(labels, probs)
    wrong = probs.argmax(1) != labels
    if not wrong.any():
        return None
    called = active_specialists(probs[wrong], sets, n)
    inside = membership(as_sets(sets, probs.shape[1]), probs.shape[1])
    return float((called.cpu().numpy() & inside[labels[wrong].cpu().numpy()]).any(1).mean())


def agreement(first: Clustering, second: Clustering) -> float:
    """Return the adjusted Rand index of two clusterings, or of one and given superclasses: 1 the same, 0 by chance.

    Raises:
        ArgumentError: not of the same classes.
    """
    from sklearn.metrics import adjusted_rand_score

    if len(first) != len(second):
        raise ArgumentError(f"clusterings must be of the same classes, got {len(first)} and {len(second)}")
    return float(adjusted_rand_score(first, second))


def stability(clusterings: Sequence[Clustering]) -> float:
    """Return the mean agreement of clusterings with one another: over seeds, or over halves of the examples.

    Raises:
        ArgumentError: fewer than two.
    """
    if len(clusterings) < 2:
        raise ArgumentError(f"clusterings must be two or more, got {len(clusterings)}")
    return float(np.mean([agreement(one, other) for one, other in combinations(clusterings, 2)]))

"""From covariance to special sets: classes that are often predicted together (Hinton et al. 2015, s. 5.3).

The paper clusters the columns of the covariance matrix by on-line K-means ("kmeans" here). A column's own variance is
its largest number by far, so that two classes that are always confused lie far apart. Correlations have no such
trouble, and are the default: average linkage on 1 - correlation, in which no cluster grows much larger than the others.
Left to itself it makes one cluster of most classes, and leaves to single ones those that are hardly ever confused.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int
from numpy.typing import NDArray

from limbeck.errors import ArgumentError
from limbeck.specialists.checks import as_sets, check_count
from limbeck.specialists.covariance import Moments

Method = Literal["average", "spectral", "kmeans"]
ROOM = 1.5  # of a cluster, beside the mean number of classes
PASSES, BATCH = 50, 64  # of the on-line K-means over the columns
UNRELATED = 1e-6  # affinity of classes that don't correlate: it connects the graph that spectral clustering cuts


def clustered(
    moments: Moments, num_clusters: int, method: Method = "average", *, seed: int = 0, largest: int | None = None
) -> Int[np.ndarray, " classes"]:
    """Return each class's cluster, 0..num_clusters - 1; K-means may make fewer.

    Args:
        moments: of the generalist's predictions.
        num_clusters: as many as there will be specialists.
        method: "average" linkage on 1 - correlation, "spectral" clustering of the positive correlations, or the
            paper's on-line "kmeans" on the covariance's columns.
        seed: of the latter two; average linkage has nothing random.
        largest: classes in a cluster of average linkage at most, but where two clusters must be joined all the same;
            `ROOM` times the mean where None. The special sets' size is a good one.

    Raises:
        ArgumentError: a number of clusters or classes outside 1..classes, or another method.
    """
    num_classes = len(moments.mean)
    check_count("num_clusters", num_clusters, num_classes)
    if largest is not None:
        check_count("largest", largest, num_classes)
    if method == "average":
        found = _linked(moments.correlation, num_clusters, largest or math.ceil(ROOM * num_classes / num_clusters))
    elif method == "spectral":
        found = _cut(moments.correlation, num_clusters, seed)
    elif method == "kmeans":
        found = _online_kmeans(moments.covariance, num_clusters, seed)
    else:
        raise ArgumentError(f"method must be 'average', 'spectral' or 'kmeans', got {method!r}")
    return np.unique(found, return_inverse=True)[1]


def _linked(
    correlation: Float64[np.ndarray, "classes classes"], num_clusters: int, largest: int
) -> Int[np.ndarray, " classes"]:
    """Return clusters by joining the two of highest mean correlation, again and again, that are not too large together.

    Each cluster remembers its nearest: joining two changes that of those who were nearest to either alone.
    """
    sums, sizes = correlation.copy(), np.ones(len(correlation))
    found, alive = np.arange(len(correlation)), np.ones(len(correlation), bool)
    nearest, closeness = found.copy(), np.full(len(found), -np.inf)

    def look(clusters: NDArray[np.intp]) -> None:
        for one in clusters:
            fits = alive & (sizes + sizes[one] <= largest)
            fits[one] = False
            told = np.where(fits, sums[one] / (sizes * sizes[one]), -np.inf)
            nearest[one] = told.argmax()
            closeness[one] = told[nearest[one]]

    look(found)
    for _ in range(len(found) - num_clusters):
        if closeness.max() == -np.inf:
            largest = int(np.sort(sizes[alive])[:2].sum())
            look(np.flatnonzero(alive))
        one = int(closeness.argmax())
        other = int(nearest[one])
        sums[one] += sums[other]
        sums[:, one] += sums[:, other]
        sizes[one] += sizes[other]
        found[found == other], alive[other], closeness[other] = one, False, -np.inf
        look(np.flatnonzero(alive & ((nearest == one) | (nearest == other) | (np.arange(len(found)) == one))))
    return found


def _cut(
    correlation: Float64[np.ndarray, "classes classes"], num_clusters: int, seed: int
) -> Int[np.ndarray, " classes"]:
    from sklearn.cluster import SpectralClustering

    if num_clusters == len(correlation):
        return np.arange(num_clusters)
    affinity = np.maximum(correlation, UNRELATED)
    return SpectralClustering(num_clusters, affinity="precomputed", random_state=seed).fit_predict(affinity)


def _online_kmeans(
    covariance: Float64[np.ndarray, "classes classes"], num_clusters: int, seed: int
) -> Int[np.ndarray, " classes"]:
    from sklearn.cluster import MiniBatchKMeans

    generator, columns = np.random.default_rng(seed), covariance.T
    size = max(BATCH, num_clusters)
    means = MiniBatchKMeans(num_clusters, random_state=seed, batch_size=size)
    for _ in range(PASSES):
        order = generator.permutation(len(columns))
        for start in range(0, len(order) - num_clusters + 1, size):
            means.partial_fit(columns[order[start : start + size]])
    return np.asarray(means.predict(columns), int)


def special_sets(moments: Moments, clusters: Int[np.ndarray, " classes"], size: int) -> list[list[int]]:
    """Return a special set of `size` classes for each cluster; sets overlap, as the paper's do.

    A set has its cluster's own classes first, those that correlate most with the cluster's others before the rest, and
    then the classes that do so most of all others. Of a cluster larger than `size` some classes are left out.

    Raises:
        ArgumentError: a size outside 1..classes - 1, or not one cluster for each class.
    """
    num_classes = len(moments.mean)
    check_count("a special set's size", size, num_classes - 1)
    if len(clusters) != num_classes:
        raise ArgumentError(f"clusters must be one for each of {num_classes} classes, got {len(clusters)}")
    correlation, sets = moments.correlation, []
    for cluster in np.unique(clusters):
        own = clusters == cluster
        others = np.maximum(own.sum() - own, 1)  # of the cluster, beside the class itself
        closeness = (correlation @ own - own) / others
        sets.append(np.lexsort((-closeness, ~own))[:size].tolist())
    return sets


def coverage(sets: Sequence[Sequence[int]], num_classes: int) -> float:
    """Return the share of the classes that belong to one or more special sets.

    Raises:
        ArgumentError: sets that `combine` refuses.

    >>> coverage([[0, 1], [1, 2]], 4)
    0.75
    """
    return len({each for own in as_sets(sets, num_classes) for each in own.tolist()}) / num_classes

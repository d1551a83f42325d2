"""Which classes are predicted together: the covariance of a generalist's predictions (Hinton et al. 2015, s. 5.3).

A sum over examples: streamed batch by batch, in float64, and merged over shards in whatever order. Predictions on
held-out examples are wanted: a net that has fitted its training set is certain of it, and tells nothing there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.specialists.checks import check_distributions, check_rows


@dataclass(frozen=True, eq=False)
class Moments:
    """Number, mean and scatter of predictions."""

    count: int
    mean: Float64[np.ndarray, " classes"]
    scatter: Float64[np.ndarray, "classes classes"]
    """Σ (p - mean)·(p - mean)' over the examples."""

    @property
    def covariance(self) -> Float64[np.ndarray, "classes classes"]:
        """The sample covariance."""
        return self.scatter / (self.count - 1)

    @property
    def correlation(self) -> Float64[np.ndarray, "classes classes"]:
        """The correlation; a class whose probability never changes correlates with none but itself."""
        sizes = np.sqrt(np.diag(self.scatter))
        sizes = np.where(sizes > 0, sizes, np.inf)
        found = np.clip(self.scatter / sizes / sizes[:, None], -1, 1)
        np.fill_diagonal(found, 1)
        return found

    def merged(self, other: "Moments") -> "Moments":
        """Return the moments of both's examples.

        Raises:
            ArgumentError: other classes.
        """
        if len(self.mean) != len(other.mean):
            raise ArgumentError(f"moments must be of the same classes, got {len(self.mean)} and {len(other.mean)}")
        count, apart = self.count + other.count, other.mean - self.mean
        scatter = self.scatter + other.scatter
        scatter += np.outer(apart, apart * (self.count * other.count / count))
        return Moments(count, self.mean + apart * (other.count / count), scatter)


def moments_of(batches: Iterable[Float[Tensor, "_ classes"]]) -> Moments:
    """Return the moments of a generalist's predictions, probabilities that come batch by batch.

    Raises:
        ArgumentError: fewer than two examples, what is no tensor (batch, classes), rows that are no distributions, or
            other classes from batch to batch.

    >>> import torch
    >>> moments_of([torch.tensor([[0.5, 0.5]]), torch.tensor([[1.0, 0.0]])]).covariance
    array([[ 0.125, -0.125],
           [-0.125,  0.125]])
    """
    found = None
    for probs in batches:
        check_rows("the generalist's probabilities", probs)
        if not len(probs):
            continue
        wide = check_distributions("the generalist", probs.detach().cpu())
        mean = wide.mean(0)
        apart = wide - mean
        own = Moments(len(wide), mean, apart.T @ apart)
        found = own if found is None else found.merged(own)
    if found is None or found.count < 2:
        raise ArgumentError(f"predictions must be of two or more examples, got {0 if found is None else found.count}")
    return found

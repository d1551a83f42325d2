"""Whether a difference is one: over paired seeds, and over the test examples.

Seeds answer for two ways of training, examples for two trained nets. An interval is one of 95%.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.objective import check_labels

LEVEL = 0.95  # of all intervals
RESAMPLES = 1999  # of a bootstrap: its bounds are then the 50th lowest and highest
AT_ONCE = 100  # resamples held in memory

Interval = tuple[float, float, float]
"""A figure, and the lower and upper bound of its interval."""


def sign_flip_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of a paired difference: over all flips of the pairs' signs, exact up to 13 pairs.

    Below 6 pairs it can't fall under .05. For one pair, or none that differ, it is 1.
    """
    from scipy.stats import permutation_test

    a, b = _pairs(first, second)
    if len(a) < 2 or not (a != b).any():
        return 1.0
    test = permutation_test(
        (a, b),
        lambda x, y, axis: (x - y).mean(axis=axis),
        permutation_type="samples",
        n_resamples=9999,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def mean_interval(values: Sequence[float]) -> Interval | None:
    """Return the mean of some values and its interval (Student's t), None for fewer than two."""
    from scipy.stats import ttest_1samp

    if len(values) < 2:
        return None
    mean = float(np.mean(values))
    if np.ptp(values) == 0:
        return mean, mean, mean
    low, high = ttest_1samp(values, 0).confidence_interval(LEVEL)
    return mean, float(low), float(high)


def paired_interval(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """Return the mean of first - second and its interval (Student's t), None for fewer than two pairs."""
    a, b = _pairs(first, second)
    return mean_interval((a - b).tolist())


def seeds_interval(first: Sequence[float], second: Sequence[float]) -> Interval | None:
    """Return the mean of first - second and its bootstrap interval over the pairs (percentiles), None below two pairs.

    It assumes no distribution, and is too narrow for a few pairs: `paired_interval` is the one to tell.
    """
    a, b = _pairs(first, second)
    return None if len(a) < 2 else _bootstrap(a - b)


@dataclass(frozen=True)
class NetsDifference:
    """By how many errors two fixed nets differ, first - second: what one test set tells of these two, not of others."""

    errors: float
    low: float
    """Of its bootstrap interval, for other test sets of this size."""
    high: float
    p: float
    """Exact McNemar."""

    def turned(self) -> "NetsDifference":
        """Return second - first."""
        return NetsDifference(*(0.0 - each for each in (self.errors, self.high, self.low)), p=self.p)


def nets_difference(
    first: Float[Tensor, "examples classes"],
    second: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
) -> NetsDifference:
    """Return by how many errors two fixed nets' logits differ, first - second, and whether it is a difference.

    Raises:
        ArgumentError: not one row a label.
    """
    return NetsDifference(*examples_interval(first, second, labels), mcnemar_p(first, second, labels))


def examples_interval(
    first: Float[Tensor, "examples classes"],
    second: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
) -> Interval:
    """Return by how many errors two fixed models' logits differ, first - second, with its bootstrap interval.

    The examples are what is drawn again: the interval is for other test sets of this size, not for other seeds.

    Raises:
        ArgumentError: not one row a label.
    """
    wrong = [_wrong(logits, labels) for logits in (first, second)]
    mean, low, high = _bootstrap(wrong[0].astype(float) - wrong[1])
    return mean * len(labels), low * len(labels), high * len(labels)


def mcnemar_p(
    first: Float[Tensor, "examples classes"],
    second: Float[Tensor, "examples classes"],
    labels: Int[Tensor, " examples"],
) -> float:
    """Return the exact two-sided McNemar p of two fixed models' logits: do their errors differ on these examples?"""
    from scipy.stats import binomtest

    first_wrong, second_wrong = _wrong(first, labels), _wrong(second, labels)
    only_first, only_second = int((first_wrong & ~second_wrong).sum()), int((second_wrong & ~first_wrong).sum())
    return float(binomtest(only_first, only_first + only_second).pvalue) if only_first + only_second else 1.0


def proportion_interval(count: int, total: int) -> tuple[float, float]:
    """Return the interval (0..1) of a share of which `count` in `total` were seen (Wilson 1927).

    >>> proportion_interval(9, 10)  # doctest: +ELLIPSIS
    (0.595..., 0.982...)
    """
    from scipy.stats import binomtest

    bounds = binomtest(count, total).proportion_ci(LEVEL, method="wilson")
    return float(bounds.low), float(bounds.high)


def share_recovered(twin: Sequence[float], teacher: Sequence[float], student: Sequence[float]) -> float | None:
    """Return (twin - student) / (twin - teacher) of the mean errors: 1 where the student equals its teacher.

    None where the twin is no worse than the teacher: there is no gap to recover.
    """
    gap = float(np.mean(twin) - np.mean(teacher))
    return float(np.mean(twin) - np.mean(student)) / gap if gap > 0 else None


def recovered_interval(
    twin: Sequence[float], teacher: Sequence[float], student: Sequence[float]
) -> tuple[float, float] | None:
    """Return the interval of `share_recovered` over paired seeds: the shares that a paired t test doesn't refuse.

    That is Fieller's (1954), exact where errors are normal; a bootstrap of so few seeds is too narrow. Teachers that
    are not as many as the seeds are no part of the pairs: their mean counts as known. None for fewer than two seeds,
    and where the gap itself may be none, for then no share is refused.
    """
    from scipy.stats import t as student_t

    own, of_student = _pairs(twin, student)
    n = len(own)
    if n < 2:
        return None
    gap = own - (np.asarray(teacher, float) if len(teacher) == n else np.mean(teacher))
    closed = own - of_student
    (closed_var, both), (_, gap_var) = np.cov(closed, gap) / n * student_t.ppf((1 + LEVEL) / 2, n - 1) ** 2
    a, b, c = gap.mean() ** 2 - gap_var, closed.mean() * gap.mean() - both, closed.mean() ** 2 - closed_var
    if a <= 0 or gap.mean() <= 0:
        return None
    half = max(b * b - a * c, 0.0) ** 0.5
    return float((b - half) / a), float((b + half) / a)


def _bootstrap(differences: NDArray[np.float64]) -> Interval:
    from scipy.stats import bootstrap

    mean = float(differences.mean())
    if np.ptp(differences) == 0:
        return mean, mean, mean
    found = bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=AT_ONCE,
        vectorized=True,
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return mean, float(found.confidence_interval.low), float(found.confidence_interval.high)


def _wrong(logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"]) -> NDArray[np.bool_]:
    check_labels(labels, logits)
    return (logits.argmax(-1) != labels).numpy()


def _pairs(first: Sequence[float], second: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if len(first) != len(second):
        raise ArgumentError(f"paired values must be as many on both sides, got {len(first)} and {len(second)}")
    return np.asarray(first, float), np.asarray(second, float)

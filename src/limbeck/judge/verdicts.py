"""Whether two ways of training differ, in one of three verdicts; and, apart from that, whether two nets do.

A verdict of a difference takes five seeds on each side, an interval that leaves out 0, and, from six pairs on, a test
that assumes nothing of how errors are distributed; below six pairs that test can't tell.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from limbeck.judge.significance import LEVEL, Interval, NetsDifference, paired_interval, seeds_interval, sign_flip_p

Verdict = Literal["a difference", "no difference shown", "too few seeds to tell"]
NetsFinding = Literal["these two nets differ", "no difference of these two nets shown"]
ALPHA = 0.05  # a p below it shows a difference
SEEDS_TO_TELL = 5
SIGN_FLIPS_TELL = 6  # pairs: of five the smallest p is 2/32


@dataclass(frozen=True)
class SeedsDifference:
    """By how many errors two ways of training differ on average, first - second."""

    seeds: tuple[int, int]
    paired: bool
    """Whether seeds of one number start from the same weights."""
    errors: float
    low: float | None
    """Of its 95% interval, Student's t of the pairs, Welch's where there are none; None for one seed on a side."""
    high: float | None
    p: float | None
    """Of sign flips of the pairs, of permutations of all seeds where there are none."""
    verdict: Verdict
    bootstrap: tuple[float, float] | None = None
    """Another interval of the pairs, which assumes no distribution; no verdict stands on it."""


def seeds_difference(first: Sequence[float], second: Sequence[float], *, paired: bool) -> SeedsDifference:
    """Return by how many errors the seeds of two ways of training differ, and whether it is a difference.

    Raises:
        ArgumentError: pairs that are not as many on both sides.
    """
    seeds, mean = (len(first), len(second)), float(np.mean(first) - np.mean(second))
    if min(seeds) < 2:
        return SeedsDifference(seeds, paired, mean, None, None, None, "too few seeds to tell")
    interval = paired_interval(first, second) if paired else welch_interval(first, second)
    assert interval is not None  # there are two pairs
    p = sign_flip_p(first, second) if paired else permutation_p(first, second)
    (_, low, high), resampled = interval, seeds_interval(first, second) if paired else None
    verdict: Verdict = "too few seeds to tell"
    if min(seeds) >= SEEDS_TO_TELL:
        agreed = p < ALPHA or (paired and seeds[0] < SIGN_FLIPS_TELL)
        verdict = "a difference" if agreed and not low <= 0 <= high else "no difference shown"
    return SeedsDifference(seeds, paired, mean, low, high, p, verdict, resampled and resampled[1:])


def nets_finding(difference: NetsDifference) -> NetsFinding:
    """Return whether two fixed nets differ on test sets like this one; what other seeds would give is not told."""
    return "these two nets differ" if difference.p < ALPHA else "no difference of these two nets shown"


def welch_interval(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Return the difference of two means and its interval, of seeds that are no pairs (Welch 1947)."""
    from scipy.stats import ttest_ind

    mean = float(np.mean(first) - np.mean(second))
    if np.ptp(first) == np.ptp(second) == 0:
        return mean, mean, mean
    with warnings.catch_warnings():  # scipy doubts that the seeds of one side all make as many errors
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        low, high = ttest_ind(first, second, equal_var=False).confidence_interval(LEVEL)
    return mean, float(low), float(high)


def permutation_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of a difference of means: over all ways to deal the seeds, exact where these are few."""
    from scipy.stats import permutation_test

    if np.ptp([*first, *second]) == 0:
        return 1.0
    test = permutation_test(
        (np.asarray(first, float), np.asarray(second, float)),
        lambda x, y, axis: x.mean(axis=axis) - y.mean(axis=axis),
        n_resamples=9999,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)

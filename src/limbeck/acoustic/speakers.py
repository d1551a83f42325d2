"""What figures of speech hang on: speakers, not utterances or frames; intervals draw speakers again (a bootstrap)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from limbeck.errors import ArgumentError

DRAWS, LEVEL = 10_000, 0.95


class Share(NamedTuple):
    """So many of so many: a speaker's errors among the words or frames."""

    errors: int
    of: int


def rate_interval(speakers: Sequence[Share], seed: int = 0) -> tuple[float, float]:
    """Return the 95% interval of a rate over all speakers.

    Raises:
        ArgumentError: fewer than two speakers.
    """
    return _interval(np.array(speakers), np.array([1.0]), seed)


def difference_interval(first: Sequence[Share], second: Sequence[Share], seed: int = 0) -> tuple[float, float]:
    """Return the 95% interval of the difference of two systems' rates, first - second, on the same speakers.

    Raises:
        ArgumentError: fewer than two speakers, or other ones.
    """
    if [each.of for each in first] != [each.of for each in second]:
        raise ArgumentError("two systems are compared on the same speakers, theirs say different numbers of words")
    counts = np.array([(a.errors, b.errors, a.of) for a, b in zip(first, second, strict=True)])
    return _interval(counts, np.array([1.0, -1.0]), seed)


def _interval(counts: np.ndarray, signs: np.ndarray, seed: int) -> tuple[float, float]:
    if len(counts) < 2:
        raise ArgumentError(f"a bootstrap over speakers needs two or more, got {len(counts)}")
    drawn = np.random.default_rng(seed).integers(len(counts), size=(DRAWS, len(counts)))
    sums = counts[drawn].sum(1)
    rates = sums[:, :-1] @ signs / sums[:, -1]
    low, high = np.quantile(rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

"""Runs of consecutive rows: the frames of an utterance."""

import numpy as np
from numpy.typing import NDArray


def first_rows(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where each run begins when all lie one after the other.

    >>> first_rows(np.array([3, 1, 2])).tolist()
    [0, 3, 4]
    """
    return lengths.cumsum() - lengths


def rows_of_runs(first: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows of runs, run after run, from where each begins and how long it is.

    >>> rows_of_runs(np.array([10, 4]), np.array([2, 3])).tolist()
    [10, 11, 4, 5, 6]
    """
    return np.repeat(first - first_rows(lengths), lengths) + np.arange(lengths.sum())

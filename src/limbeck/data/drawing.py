"""What an epoch draws from a transfer set, and in which order: a pure function of (seed, epoch).

Without more each example is drawn once. A specialist's mixture (Hinton et al. 2015, s. 5.2) is half its own examples,
each once, and half others, drawn anew every epoch: own and other take turns, so that every batch is half and half.
"""

import numpy as np
from numpy.typing import NDArray

from limbeck.data.philox import permutation, windowed

ORDER_STREAM = 0  # of philox, for the order of the examples
OTHERS_STREAM = 8  # of philox, for which others are drawn


def in_turn(own: NDArray[np.int64], others: NDArray[np.int64], seed: int, epoch: int) -> NDArray[np.int64]:
    """Return an epoch's draw of `own`, each once, and as many of the `others`, in turn; there are as many or more.

    >>> sorted(in_turn(np.array([7, 8]), np.array([0, 1, 2, 3]), seed=0, epoch=0)[::2].tolist())
    [7, 8]
    """
    drawn = np.empty(2 * len(own), np.int64)
    drawn[::2] = own[permutation(seed, ORDER_STREAM, epoch, len(own))]
    drawn[1::2] = others[permutation(seed, OTHERS_STREAM, epoch, len(others))[: len(own)]]
    return drawn


def each_once(count: int, seed: int, epoch: int, window: int | None) -> NDArray[np.int64]:
    """Return an order of 0..count - 1, shuffled within a moving window where one is given."""
    if window is None:
        return permutation(seed, ORDER_STREAM, epoch, count)
    return windowed(seed, ORDER_STREAM, epoch, count, window)

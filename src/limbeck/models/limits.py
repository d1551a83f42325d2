"""How large a net may be."""

import math

from limbeck.errors import ArgumentError

MOST_WEIGHTS = 2**31


def check_scale(scale: float) -> float:
    """Return the largest input value as a number, or raise ArgumentError unless it is > 0 and finite."""
    if not 0 < scale < math.inf:
        raise ArgumentError(f"scale must be > 0, got {scale}")
    return float(scale)


def check_weights(count: int) -> None:
    """Raise ArgumentError for more weights than 8 GiB hold, before memory for them is asked for."""
    if count > MOST_WEIGHTS:
        raise ArgumentError(f"a net must have at most {MOST_WEIGHTS:,} weights, got {count:,}", "take narrower layers")

"""How large a net may be."""

import torch

from limbeck.errors import ArgumentError

MOST_WEIGHTS = 2**31


def check_scale(scale: float) -> float:
    """Return the largest input value as a number, or raise ArgumentError unless it is > 0 and finite in float32."""
    if not 0 < scale <= torch.finfo(torch.float32).max:
        raise ArgumentError(f"scale must be > 0 and finite in float32, got {scale}")
    return float(scale)


def check_weights(count: int) -> None:
    """Raise ArgumentError for more weights than 8 GiB hold, before memory for them is asked for."""
    if count > MOST_WEIGHTS:
        raise ArgumentError(f"a net must have at most {MOST_WEIGHTS:,} weights, got {count:,}", "take narrower layers")

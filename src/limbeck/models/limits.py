"""How large a net may be."""

from limbeck.errors import ArgumentError

MOST_WEIGHTS = 2**31


def check_weights(count: int) -> None:
    """Raise ArgumentError for more weights than 8 GiB hold, before memory for them is asked for."""
    if count > MOST_WEIGHTS:
        raise ArgumentError(f"a net must have at most {MOST_WEIGHTS:,} weights, got {count:,}", "take narrower layers")

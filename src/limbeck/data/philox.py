"""Random numbers that are a pure function of what they are for (Philox4x32-10, Salmon et al. 2011).

A counter-based generator: no state, so any batch, in any order, on any machine, gets the same numbers.
"""

import numpy as np
from numpy.typing import NDArray

from limbeck.errors import ArgumentError

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))  # Salmon et al. 2011, table 2
WEYL = (0x9E3779B9, 0xBB67AE85)  # golden ratio and sqrt(3) - 1
ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
CHUNKS = 64  # in a window


def philox(
    seed: int | np.integer, stream: int, counter: NDArray[np.integer], step: int | NDArray[np.integer]
) -> NDArray[np.uint64]:
    """Return four 32-bit words for each counter, shape (4, n), in uint64.

    `seed` is the key; `counter`, `step` and `stream` make the 128-bit counter (64, 32 and 32 bits).

    Raises:
        ArgumentError: the seed is no whole number.
    """
    if not isinstance(seed, int | np.integer):
        raise ArgumentError(f"a seed must be a whole number, got {seed!r}")
    seed = int(seed)
    first = counter.astype(np.uint64)
    second = np.broadcast_to(np.asarray(step).astype(np.uint64), first.shape)
    words = (first & LOW, first >> HALF, second, np.full_like(first, stream))
    return _rounds(words, (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))


def below(words: NDArray[np.uint64], bound: int) -> NDArray[np.int64]:
    """Map 32-bit words to whole numbers in 0..bound - 1; the bias is at most bound / 2**32."""
    return ((words * np.uint64(bound)) >> HALF).astype(np.int64)


def below64(seed: int, stream: int, count: int, bound: int) -> NDArray[np.int64]:
    """Return `count` whole numbers in 0..bound - 1 for bounds beyond 32 bits; the bias is at most bound / 2**63."""
    words = philox(seed, stream, np.arange(count), 0)
    return ((words[0] << HALF | words[1]) % np.uint64(bound)).astype(np.int64)


def permutation(seed: int, stream: int, step: int, size: int) -> NDArray[np.int64]:
    """Return a permutation of 0..size - 1 that is a pure function of the arguments."""
    words = philox(seed, stream, np.arange(size), step)
    return np.argsort(words[0] << HALF | words[1], kind="stable")


def windowed(seed: int, stream: int, step: int, size: int, window: int) -> NDArray[np.int64]:
    """Return a permutation of 0..size - 1 in which rows that are near in the result are near on disk.

    Chunks of a 64th of the window are permuted, then each row is put off by less than a window: what is read at one
    time comes from a window's chunks, and each chunk is read from end to end before it is left.
    """
    chunk = max(1, window // CHUNKS)
    chunks = permutation(seed, stream, step, -(-size // chunk))
    starts = np.minimum((chunks + 1) * chunk, size) - chunks * chunk  # lengths of the chunks, in their new order
    base = np.repeat(chunks * chunk - (starts.cumsum() - starts), starts) + np.arange(size)
    words = philox(seed, stream, np.arange(size), step)[2]
    places = np.arange(size) + words / 2**32 * window  # where each wants to be: up to a window later
    return base[np.argsort(places, kind="stable")]


def _rounds(words: tuple[NDArray[np.uint64], ...], key: tuple[int, int]) -> NDArray[np.uint64]:
    a, b, c, d = words
    for turn in range(ROUNDS):
        key_a, key_b = (np.uint64((k + turn * w) & 0xFFFFFFFF) for k, w in zip(key, WEYL, strict=True))
        left, right = MULTIPLIERS[0] * a, MULTIPLIERS[1] * c
        a, b, c, d = (right >> HALF) ^ b ^ key_a, right & LOW, (left >> HALF) ^ d ^ key_b, left & LOW
    return np.stack((a, b, c, d))

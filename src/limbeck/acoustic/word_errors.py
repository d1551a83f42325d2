"""Word errors: substitutions, insertions and deletions by kaldialign, and the interval of their rate over speakers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from limbeck.acoustic.needed import needed
from limbeck.errors import ArgumentError

DRAWS, LEVEL = 10_000, 0.95


@dataclass(frozen=True)
class WordErrors:
    """What is wrong in some utterances, counted in words."""

    substitutions: int
    insertions: int
    deletions: int
    num_words: int
    """Words that were said."""

    @property
    def count(self) -> int:
        """All errors."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self) -> float:
        """The word error rate: errors for each word that was said (0 and up)."""
        return self.count / self.num_words

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
            self.num_words + other.num_words,
        )


def word_errors(said: Sequence[str], heard: Sequence[str]) -> WordErrors:
    """Return the fewest errors that make one sequence of words the other.

    >>> word_errors("ONE TWO THREE".split(), "ONE SIX THREE FOUR".split())
    WordErrors(substitutions=1, insertions=1, deletions=0, num_words=3)
    """
    found = needed("kaldialign").edit_distance(list(said), list(heard))
    return WordErrors(found["sub"], found["ins"], found["del"], len(said))


def by_speaker(errors: Sequence[WordErrors], speakers: Sequence[str]) -> list[WordErrors]:
    """Return the errors of each speaker, in the order of the alphabet."""
    if len(errors) != len(speakers):
        raise ArgumentError(f"errors and speakers must be one an utterance, got {len(errors)} and {len(speakers)}")
    none = WordErrors(0, 0, 0, 0)
    found = dict.fromkeys(sorted(set(speakers)), none)
    for own, speaker in zip(errors, speakers, strict=True):
        found[speaker] += own
    return list(found.values())


def rate_interval(speakers: Sequence[WordErrors], seed: int = 0) -> tuple[float, float]:
    """Return the 95% interval of the word error rate, by a bootstrap over speakers: their words hang together.

    Raises:
        ArgumentError: fewer than two speakers.
    """
    counts = np.array([(each.count, each.num_words) for each in speakers])
    return _interval(counts, np.array([1.0]), seed)


def difference_interval(
    first: Sequence[WordErrors], second: Sequence[WordErrors], seed: int = 0
) -> tuple[float, float]:
    """Return the 95% interval of the difference of two systems' rates, first - second, on the same speakers.

    Raises:
        ArgumentError: fewer than two speakers, or other ones.
    """
    if [each.num_words for each in first] != [each.num_words for each in second]:
        raise ArgumentError("two systems are compared on the same speakers, their words differ in number")
    counts = np.array([(a.count, b.count, a.num_words) for a, b in zip(first, second, strict=True)])
    return _interval(counts, np.array([1.0, -1.0]), seed)


def _interval(counts: np.ndarray, signs: np.ndarray, seed: int) -> tuple[float, float]:
    if len(counts) < 2:
        raise ArgumentError(f"a bootstrap over speakers needs two or more, got {len(counts)}")
    drawn = np.random.default_rng(seed).integers(len(counts), size=(DRAWS, len(counts)))
    sums = counts[drawn].sum(1)
    rates = sums[:, :-1] @ signs / sums[:, -1]
    low, high = np.quantile(rates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)

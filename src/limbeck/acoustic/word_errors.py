"""Word errors: substitutions, insertions and deletions, by kaldialign."""

from collections.abc import Sequence
from dataclasses import dataclass

from limbeck.acoustic.needed import needed
from limbeck.acoustic.speakers import Share
from limbeck.errors import ArgumentError


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

    @property
    def share(self) -> Share:
        """The errors among the words that were said."""
        return Share(self.count, self.num_words)

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


def word_pairs(said: Sequence[str], heard: Sequence[str]) -> list[tuple[str, str]]:
    """Return what was said beside what was heard, by the fewest errors: "" is a word that one side lacks.

    >>> word_pairs("ONE TWO THREE".split(), "ONE SIX THREE FOUR".split())
    [('ONE', 'ONE'), ('TWO', 'SIX'), ('THREE', 'THREE'), ('', 'FOUR')]
    """
    return needed("kaldialign").align(list(said), list(heard), "")


def by_speaker(errors: Sequence[WordErrors], speakers: Sequence[str]) -> list[WordErrors]:
    """Return the errors of each speaker, in the order of the alphabet."""
    if len(errors) != len(speakers):
        raise ArgumentError(f"errors and speakers must be one an utterance, got {len(errors)} and {len(speakers)}")
    none = WordErrors(0, 0, 0, 0)
    found = dict.fromkeys(sorted(set(speakers)), none)
    for own, speaker in zip(errors, speakers, strict=True):
        found[speaker] += own
    return list(found.values())

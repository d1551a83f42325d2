"""The lexicon: which phones a word is made of, and the numbers that stand for both in transducers."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from limbeck.errors import ArgumentError

SILENCE = "SIL"
NOTHING = 0  # the label of an arc that takes or gives nothing


@dataclass(frozen=True)
class Lexicon:
    """Words and their pronunciations.

    >>> lexicon = Lexicon((("A", ("EY",)), ("A", ("AH",)), ("BE", ("B", "IY"))))
    >>> lexicon.words, lexicon.phones
    (('A', 'BE'), ('SIL', 'AH', 'B', 'EY', 'IY'))
    >>> lexicon.phone_number["EY"], lexicon.word_number["BE"]
    (4, 2)
    """

    pronunciations: tuple[tuple[str, tuple[str, ...]], ...]
    """(word, phones); a word may have several."""

    def __post_init__(self) -> None:
        if not self.pronunciations or not all(phones for _, phones in self.pronunciations):
            raise ArgumentError("a lexicon must have words, and each word phones")

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Its words, in the order in which they first come."""
        return tuple(dict.fromkeys(word for word, _ in self.pronunciations))

    @cached_property
    def phones(self) -> tuple[str, ...]:
        """Its phones: silence, then those of the words in the order of the alphabet."""
        return (SILENCE, *sorted({phone for _, phones in self.pronunciations for phone in phones} - {SILENCE}))

    @cached_property
    def word_number(self) -> dict[str, int]:
        """The label of each word, from 1."""
        return {word: number for number, word in enumerate(self.words, 1)}

    @cached_property
    def phone_number(self) -> dict[str, int]:
        """The label of each phone, from 1, which is silence."""
        return {phone: number for number, phone in enumerate(self.phones, 1)}

    @cached_property
    def spelled(self) -> tuple[tuple[int, tuple[int, ...]], ...]:
        """The pronunciations in labels."""
        phone = self.phone_number
        return tuple((self.word_number[word], tuple(phone[each] for each in own)) for word, own in self.pronunciations)

    @cached_property
    def first_pronunciation(self) -> dict[str, tuple[int, ...]]:
        """The first pronunciation of each word, in labels."""
        return {self.words[word - 1]: phones for word, phones in reversed(self.spelled)}

    @cached_property
    def shortest_pronunciation(self) -> dict[str, int]:
        """How many phones each word has at least."""
        longest_first = sorted(self.pronunciations, key=lambda own: -len(own[1]))
        return {word: len(phones) for word, phones in longest_first}

    def numbers_of(self, words: Iterable[str]) -> list[int]:
        """Return the labels of words.

        Raises:
            ArgumentError: one is not in the lexicon.
        """
        words = list(words)
        unknown = sorted(set(words) - self.word_number.keys())
        if unknown:
            raise ArgumentError(f"words must be in the lexicon, {', '.join(unknown[:5])} are not")
        return [self.word_number[each] for each in words]

"""When each word of a best path was said: its phones, found again among those that the path's states spell."""

from collections.abc import Sequence
from typing import NamedTuple

from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.paths import BestPath
from limbeck.acoustic.states import SILENCE_NUMBER, TiedStates, phones_of
from limbeck.errors import ArgumentError


class WordTimes(NamedTuple):
    """A word and its frames."""

    word: str
    first: int
    """Frame with which it begins."""
    end: int
    """Frame with which it is over."""


def word_times(path: BestPath, states: TiedStates, lexicon: Lexicon) -> list[WordTimes]:
    """Return the frames of each word of a path. A graph's own labels don't tell: it may give a word at any place.

    Raises:
        ArgumentError: the path's states don't spell its words.
    """
    phones, first = phones_of(path.states, states)
    begins = [*first.tolist(), len(path.states)]
    spelled = phones.tolist()
    reached: list[dict[int, tuple[int, int]]] = []  # of each word: where it may end, and then its first phone and last
    ends = {0: (0, 0)}
    for word in path.words:
        ends = _ends(word, spelled, ends, lexicon)
        reached.append(ends)
    at = next((end for end in ends if set(spelled[end:]) <= {SILENCE_NUMBER}), None)
    if at is None:
        words = " ".join(lexicon.words[word - 1] for word in path.words)
        raise ArgumentError(f"a path's states must spell its words, they don't spell {words!r}")
    found = []
    for word, own in zip(reversed(path.words), reversed(reached), strict=True):
        begin, before = own[at]
        found.append(WordTimes(lexicon.words[word - 1], begins[begin], begins[at]))
        at = before
    return found[::-1]


def _ends(
    word: int, spelled: Sequence[int], before: dict[int, tuple[int, int]], lexicon: Lexicon
) -> dict[int, tuple[int, int]]:
    """Return where a word may end: the place after its last phone, with that of its first and of the word before."""
    found = {}
    for end in before:
        begin = end + (spelled[end : end + 1] == [SILENCE_NUMBER])
        for number, phones in lexicon.spelled:
            if number == word and spelled[begin : begin + len(phones)] == [*phones]:
                found[begin + len(phones)] = (begin, end)
    return found

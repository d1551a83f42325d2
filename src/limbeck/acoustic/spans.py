"""When each phone and each word of a path through the states is: the frames from which it begins to its end."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from limbeck.acoustic.lexicon import SILENCE, Lexicon
from limbeck.acoustic.states import TiedStates, phones_of
from limbeck.data.utterances import Span


def phone_spans(alignment: NDArray[np.int64], states: TiedStates, lexicon: Lexicon) -> list[Span]:
    """Return the phones of a path, silences among them, one after the other."""
    phones, first = phones_of(alignment, states)
    ends = np.r_[first[1:], len(alignment)]
    return [
        Span(lexicon.phones[phone - 1], begin, end)
        for phone, begin, end in zip(phones.tolist(), first.tolist(), ends.tolist(), strict=True)
    ]


def word_spans(words: Sequence[str], phones: Sequence[Span], lexicon: Lexicon) -> list[Span]:
    """Return the words of a path, from its phones: those of their pronunciations in turn, silences between words.

    >>> lexicon = Lexicon((("A", ("AH",)), ("BE", ("B", "IY"))))
    >>> spans = [Span("SIL", 0, 4), Span("B", 4, 7), Span("IY", 7, 12), Span("SIL", 12, 15), Span("AH", 15, 18)]
    >>> word_spans(["BE", "A"], spans, lexicon)
    [Span(name='BE', first=4, end=12), Span(name='A', first=15, end=18)]
    """
    spoken = [phone for phone in phones if phone.name != SILENCE]
    found = _parted(words, [phone.name for phone in spoken], lexicon)
    assert found is not None, "a path's words are those that its phones spell"
    ends = np.cumsum(found).tolist()
    return [
        Span(word, spoken[end - size].first, spoken[end - 1].end)
        for word, size, end in zip(words, found, ends, strict=True)
    ]


def _parted(words: Sequence[str], phones: Sequence[str], lexicon: Lexicon) -> list[int] | None:
    """Return how many of the phones are each word's; None where they don't spell the words.

    >>> _parted(["X", "Y"], "PQ", Lexicon((("X", ("P",)), ("X", ("P", "Q")), ("Y", ("Q",)))))
    [1, 1]
    """
    spelled: dict[str, list[tuple[str, ...]]] = {}
    for word, own in lexicon.pronunciations:
        spelled.setdefault(word, []).append(own)
    reached: list[dict[int, int]] = [{0: 0}]  # after so many words: where they may end, and where the last then begins
    for word in words:
        tries = [(begin, own) for begin in reached[-1] for own in spelled[word]]
        reached.append({i + len(own): i for i, own in tries if tuple(phones[i : i + len(own)]) == own})
    end, found = len(phones), []
    if end not in reached[-1]:
        return None
    for ends in reached[:0:-1]:
        found.append(end - ends[end])
        end = ends[end]
    return found[::-1]

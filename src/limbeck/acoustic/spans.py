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

    Where two words may part in several places and no silence tells, it is one of these: their paths cost the same.

    >>> lexicon = Lexicon((("A", ("AH",)), ("BE", ("B", "IY"))))
    >>> spans = [Span("SIL", 0, 4), Span("B", 4, 7), Span("IY", 7, 12), Span("SIL", 12, 15), Span("AH", 15, 18)]
    >>> word_spans(["BE", "A"], spans, lexicon)
    [Span(name='BE', first=4, end=12), Span(name='A', first=15, end=18)]
    """
    found = _parted(words, [phone.name for phone in phones], lexicon)
    assert found is not None, "a path's words are those that its phones spell"
    return [
        Span(word, phones[begin].first, phones[end - 1].end) for word, (begin, end) in zip(words, found, strict=True)
    ]


def _parted(words: Sequence[str], phones: Sequence[str], lexicon: Lexicon) -> list[tuple[int, int]] | None:
    """Return where each word's phones begin and end; None where they don't spell the words.

    >>> lexicon = Lexicon((("X", ("P",)), ("X", ("P", "Q")), ("Y", ("R",)), ("Y", ("Q", "R"))))
    >>> _parted(["X", "Y"], ["P", "Q", "SIL", "R"], lexicon)
    [(0, 2), (3, 4)]
    >>> _parted(["X", "Y"], ["SIL", "P", "SIL", "Q", "R"], lexicon)
    [(1, 2), (3, 5)]
    """
    spelled: dict[str, list[tuple[str, ...]]] = {}
    for word, own in lexicon.pronunciations:
        spelled.setdefault(word, []).append(own)

    def heard_after(place: int) -> int:
        return place + (phones[place : place + 1] == [SILENCE])

    start = heard_after(0)
    reached: list[dict[int, tuple[int, int]]] = [{start: (start, start)}]  # by where words go on: the last's own places
    for word in words:
        tries = [(begin, begin + len(own), own) for begin in reached[-1] for own in spelled[word]]
        reached.append({heard_after(end): (begin, end) for begin, end, own in tries if (*phones[begin:end],) == own})
    place, found = len(phones), []
    if place not in reached[-1]:
        return None
    for ends in reached[:0:-1]:
        found.append(ends[place])
        place = ends[place][0]
    return found[::-1]

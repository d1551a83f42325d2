"""The utterances of a page of speech, ready to be drawn on one axis of time: places are shares of an utterance (%)."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import UInt8
from numpy.typing import NDArray
from torch import Tensor

from limbeck.acoustic.states import NUM_POSITIONS
from limbeck.data.audio import Audio
from limbeck.data.filterbanks import SECONDS_A_FRAME
from limbeck.data.utterances import Span
from limbeck.report.inputs import png
from limbeck.report.pictures import TONES
from limbeck.report.speech import Hearing, Speech, Utterance

SEEN = 64  # 255ths of probability from which a phone that nobody said has a row
MOST_ROWS = 24
TICKS_S = (0.1, 0.5, 1.0, 5.0)  # between two marks of the axis
MOST_TICKS = 8


class Mark(NamedTuple):
    """A name that takes a share of the axis."""

    name: str
    left: float
    width: float
    wrong: bool = False


@dataclass(frozen=True)
class Strip:
    """A picture of frames, whose darkness is in its transparency: the page gives it a colour."""

    picture: str
    """A PNG as a data URI."""
    told: str
    """The same in words."""


@dataclass(frozen=True)
class System:
    """What one system made of an utterance."""

    name: str
    tone: str
    posteriors: Strip
    words: list[Mark]
    """By the first model of language."""
    words_told: str


@dataclass(frozen=True)
class Heard:
    """A line of the words that were heard."""

    system: str
    tone: str
    language: str
    pairs: list[tuple[str, str]]
    errors: int


@dataclass(frozen=True)
class Drawn:
    """An utterance."""

    key: str
    speaker: str
    why: str
    said: str
    frames: int
    seconds: float
    ticks: list[tuple[str, float]]
    features: Strip
    height: int
    """Pixels of the features' picture."""
    words: list[Mark]
    words_told: str
    phones: list[Mark]
    phones_told: str
    rows: list[str]
    """The phones that have a row in the pictures of posteriors."""
    path: str
    """The alignment as such a picture, a data URI."""
    systems: list[System]
    heard: list[Heard]
    sound: str | None
    """A WAV file as a data URI."""


def drawn(speech: Speech) -> list[Drawn]:
    """Return all utterances, ready to be drawn."""
    return [_drawn(each, speech) for each in speech.utterances]


def _drawn(each: Utterance, speech: Speech) -> Drawn:
    frames, width = each.features.shape
    rows = rows_of(each, len(speech.phones))
    columns = [NUM_POSITIONS * phone + place for phone in rows for place in range(NUM_POSITIONS)]
    path = torch.nn.functional.one_hot(each.places.long(), NUM_POSITIONS * len(speech.phones)) * 255
    first = {hearing.system: hearing for hearing in reversed(each.hearings)}
    return Drawn(
        key=each.key,
        speaker=each.speaker,
        why=each.why,
        said=" ".join(span.name for span in each.words),
        frames=frames,
        seconds=frames * SECONDS_A_FRAME,
        ticks=ticks(frames),
        features=Strip(mask(each.features.flip(1)), f"{speech.front}, the first at the bottom, frame by frame"),
        height=max(78, 3 * width),
        words=_marks(each.words, frames),
        words_told=_spans_told("What was said", each.words),
        phones=_marks(each.phones, frames),
        phones_told=_spans_told("Its phones", each.phones),
        rows=[speech.phones[phone] for phone in rows],
        path=mask(path[:, columns].to(torch.uint8)),
        systems=[
            System(
                name,
                _tone(name),
                Strip(mask(own[:, columns]), _posteriors_told(name, own, each.places, speech.phones)),
                _heard_marks(first[name], frames),
                _spans_told(f"What the {name} heard", first[name].spans),
            )
            for name, own in each.posteriors.items()
        ],
        heard=[
            Heard(own.system, _tone(own.system), own.language, own.pairs, sum(a != b for a, b in own.pairs))
            for own in each.hearings
        ],
        sound=None if each.sound is None else wav(each.sound),
    )


def rows_of(each: Utterance, num_phones: int) -> list[int]:
    """Return the phones, from 0, that have a row: those said, by when they are first, then those that a system sees.

    A phone that was not said has one where a system gives it a quarter of a frame at least, by when that is first.
    """
    said = dict.fromkeys((each.places // NUM_POSITIONS).tolist())
    most = torch.stack(list(each.posteriors.values())).long().amax(0)
    seen = most.view(len(most), num_phones, NUM_POSITIONS).sum(2) >= SEEN
    others = [phone for phone in range(num_phones) if phone not in said and seen[:, phone].any()]
    others.sort(key=lambda phone: int(seen[:, phone].long().argmax()))
    return [*said, *others][:MOST_ROWS]


def ticks(frames: int) -> list[tuple[str, float]]:
    """Return the marks of an axis: at seconds, and where in shares of the axis.

    >>> ticks(120)
    [('0 s', 0.0), ('0.5 s', 41.67), ('1 s', 83.33)]
    """
    seconds = frames * SECONDS_A_FRAME
    step = next((step for step in TICKS_S if seconds / step <= MOST_TICKS), seconds / MOST_TICKS)
    return [(f"{at:.3g} s", round(100 * at / seconds, 2)) for at in np.arange(0, seconds, step).tolist()]


def mask(values: UInt8[Tensor, "frames rows"]) -> str:
    """Return a picture that is black where a value is 255 and transparent where it is 0, time from left to right."""
    alpha = values.T.contiguous()
    return _uri("image/png", png(torch.stack([torch.zeros_like(alpha), alpha], dim=2)))


def wav(sound: Audio) -> str:
    """Return a sound as a WAV file of 16 bits, in a data URI."""
    from scipy.io import wavfile

    file = io.BytesIO()
    wavfile.write(file, sound.rate, sound.in_16_bits())
    return _uri("audio/wav", file.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _marks(spans: Sequence[Span], frames: int, wrong: Sequence[bool] = ()) -> list[Mark]:
    told = wrong or [False] * len(spans)
    return [
        Mark(span.name, round(100 * span.first / frames, 2), round(100 * (span.end - span.first) / frames, 2), bad)
        for span, bad in zip(spans, told, strict=True)
    ]


def _heard_marks(hearing: Hearing, frames: int) -> list[Mark]:
    return _marks(hearing.spans, frames, [said != heard for said, heard in hearing.pairs if heard])


def _spans_told(what: str, spans: Sequence[Span]) -> str:
    told = "; ".join(f"{name} {_seconds(first)} to {_seconds(end)}" for name, first, end in spans)
    return f"{what}, in seconds: {told or 'nothing'}."


def _seconds(frame: int) -> str:
    return f"{frame * SECONDS_A_FRAME:.2f}"


def _posteriors_told(name: str, own: UInt8[Tensor, "frames places"], places: Tensor, phones: Sequence[str]) -> str:
    likely: NDArray[np.int64] = (own.long().view(len(own), -1, NUM_POSITIONS).sum(2).argmax(1)).numpy()
    passed = " ".join(phones[int(phone)] for phone, _ in groupby(likely.tolist()))
    share = own.gather(1, places.long()[:, None]).double().mean().item() / 255
    return (
        f"What the {name} says of each frame, by phone: most probable are, one after the other, {passed}. "
        f"The place in a phone that the alignment has gets {share:.0%} on average."
    )


def _tone(system: str) -> str:
    return TONES.get(system, "other")

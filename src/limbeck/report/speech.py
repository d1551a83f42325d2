"""What the page of a speech run tells beside its tables: word errors over speakers, and some utterances whole.

Kept in a run's folder as speech.safetensors, small: features and posteriors in 8 bits, states summed up by their place
in a phone.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int16, UInt8
from torch import Tensor

from limbeck.data.audio import Audio
from limbeck.data.utterances import Span
from limbeck.errors import RunError
from limbeck.files import DAMAGED_HINT
from limbeck.tensor_files import load_tensors, save_tensors

NAME = "speech.safetensors"
FEATURES, PLACES, SOUND = "features", "places", "sound"  # of an utterance's tensors, beside its systems' names


@dataclass(frozen=True)
class WordRate:
    """How many words a system gets wrong with one model of language; counts are means over seeds."""

    system: str
    language: str
    seeds: int
    num_words: int
    """Words that were said, each seed the same."""
    rate: float
    """Errors for each of them."""
    interval: tuple[float, float]
    """95% of the rate, speakers drawn again."""
    substitutions: float
    insertions: float
    deletions: float
    real_time_factor: float
    """Seconds of the search for each second of speech."""


@dataclass(frozen=True)
class Hearing:
    """What one system understood of an utterance with one model of language."""

    system: str
    language: str
    pairs: list[tuple[str, str]]
    """What was said beside what was heard, "" where one side lacks a word."""
    spans: list[Span]
    """When it heard each word."""


@dataclass(frozen=True, eq=False)
class Utterance:
    """An utterance as the page shows it."""

    key: str
    speaker: str
    why: str
    """It was chosen."""
    features: UInt8[Tensor, "frames features"]
    """From two and a half deviations below the mean to as many above."""
    words: list[Span]
    """What was said, as it was aligned, and its phones."""
    phones: list[Span]
    places: Int16[Tensor, " frames"]
    """The place in a phone of each frame's state: phone 1's are 0, 1, 2, phone 2's 3, 4, 5, ..."""
    posteriors: dict[str, UInt8[Tensor, "frames places"]]
    """Of each system: the probability of each place, in 255ths."""
    hearings: list[Hearing]
    sound: Audio | None
    """None where the corpus is features alone."""


@dataclass(frozen=True, eq=False)
class Speech:
    """What is told of a run's words."""

    rates: list[WordRate]
    phones: list[str]
    """The names of all phones."""
    front: str
    """What the features are."""
    utterances: list[Utterance]


def keep_speech(folder: Path, speech: Speech) -> None:
    """Keep in a run's folder what its page tells of speech."""
    tensors = {}
    for number, each in enumerate(speech.utterances):
        own = {FEATURES: each.features, PLACES: each.places, **each.posteriors}
        if each.sound is not None:
            own[SOUND] = torch.from_numpy(each.sound.in_16_bits())
        tensors |= {f"{number}/{name}": tensor for name, tensor in own.items()}
    told = {
        "rates": [asdict(rate) for rate in speech.rates],
        "phones": speech.phones,
        "front": speech.front,
        "utterances": [_told(each) for each in speech.utterances],
    }
    save_tensors(folder / NAME, tensors, told)


def read_speech(folder: Path) -> Speech | None:
    """Return what `keep_speech` kept, None where the run is not one of speech.

    Raises:
        RunError: the file is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    tensors, told = load_tensors(path)
    try:
        rates = [WordRate(**{**rate, "interval": tuple(rate["interval"])}) for rate in told["rates"]]
        utterances = [_read(tensors, f"{number}/", own) for number, own in enumerate(told["utterances"])]
        return Speech(rates, told["phones"], told["front"], utterances)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged: {type(error).__name__}: {error}", DAMAGED_HINT) from error


def _told(each: Utterance) -> dict[str, Any]:
    return {
        **{name: getattr(each, name) for name in ("key", "speaker", "why", "words", "phones")},
        "systems": list(each.posteriors),
        "hearings": [asdict(hearing) for hearing in each.hearings],
        "rate": None if each.sound is None else each.sound.rate,
    }


def _read(tensors: dict[str, Tensor], prefix: str, told: dict[str, Any]) -> Utterance:
    sound = None
    if told["rate"] is not None:
        sound = Audio.from_16_bits(tensors[f"{prefix}{SOUND}"].numpy(), told["rate"])
    return Utterance(
        **{name: told[name] for name in ("key", "speaker", "why")},
        features=tensors[f"{prefix}{FEATURES}"],
        words=_spans(told["words"]),
        phones=_spans(told["phones"]),
        places=tensors[f"{prefix}{PLACES}"],
        posteriors={system: tensors[f"{prefix}{system}"] for system in told["systems"]},
        hearings=[
            Hearing(
                own["system"], own["language"], [(said, heard) for said, heard in own["pairs"]], _spans(own["spans"])
            )
            for own in told["hearings"]
        ],
        sound=sound,
    )


def _spans(told: list[list[Any]]) -> list[Span]:
    return [Span(name, first, end) for name, first, end in told]

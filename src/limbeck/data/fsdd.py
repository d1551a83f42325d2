"""The Free Spoken Digit Dataset (Jackson et al. 2018): 6 speakers say each digit 50 times, 8 kHz.

Each recording is an utterance of one word; its frames are 40 mel filterbanks. Recordings 0 to 4 of each speaker and
digit are the official test split. Connected strings are not in the corpus: `connected` joins
recordings.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from limbeck.data.audio import Audio, read_audio
from limbeck.data.filterbanks import filterbanks
from limbeck.data.images import ENVIRONMENT
from limbeck.data.utterances import Spoken, Utterances, Words, gathered
from limbeck.errors import ArgumentError, DataError

RATE, TEST_RECORDINGS, MOST_DIGITS = 8000, 5, 100
DIGITS: Words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<number>\d+)\.(?i:wav)")
ORIGIN = "https://github.com/Jakobovski/free-spoken-digit-dataset"
HINT = f"give the folder with --data DIR or {ENVIRONMENT}: it holds `recordings` of {ORIGIN}"
EDGE_S = 0.01  # of a recording's two ends, from whose loudness that of pauses is taken


class Recording(NamedTuple):
    """One digit, said by one speaker for the n-th time."""

    name: str
    speaker: str
    digit: int
    number: int
    audio: Audio

    @property
    def is_test(self) -> bool:
        """Whether it is of the official test split."""
        return self.number < TEST_RECORDINGS


def load_fsdd(folder: str | Path | None = None, num_filters: int = 40) -> tuple[Utterances, Utterances]:
    """Return the digits as (training, test), each an utterance of one word, frames of mel filterbanks.

    `folder`, or else the environment's LIMBECK_DATA, holds `recordings`, itself or in a folder `fsdd`.

    Raises:
        DataError: a file is missing or not what it should be, or there is no package to read it.
    """
    recordings = read_recordings(folder)
    both = isolated(recordings, num_filters)
    parts = ((False, "fsdd training set"), (True, "fsdd test set"))
    train, test = (
        both.subset([place for place, each in enumerate(recordings) if each.is_test == is_test], name)
        for is_test, name in parts
    )
    return train, test


def read_recordings(folder: str | Path | None = None) -> list[Recording]:
    """Return all recordings, by name.

    Raises:
        DataError: none are there, or one is not 8 kHz and one channel.
    """
    chosen = folder or os.environ.get(ENVIRONMENT)
    if not chosen:
        raise DataError("fsdd must be on this machine, no folder was given", HINT)
    places = (Path(chosen) / "fsdd", Path(chosen))
    place = next((place for place in places if holds_fsdd(place)), None)
    if place is None:
        raise DataError(f"{chosen} must hold recordings/0_SPEAKER_0.wav and so on, they are not there", HINT)
    recordings = [_recording(path) for path in sorted((place / "recordings").glob("*.[wW][aA][vV]"))]
    if len({each.is_test for each in recordings}) < 2:
        raise DataError(f"{place / 'recordings'} must hold recordings 0 to 4 and others, one kind is not there", HINT)
    return recordings


def holds_fsdd(folder: Path) -> bool:
    """Return whether a folder is the corpus's."""
    return any(NAME.fullmatch(path.name) for path in (folder / "recordings").glob("0_*"))


def _recording(path: Path) -> Recording:
    match = NAME.fullmatch(path.name)
    if match is None:
        raise DataError(f"recordings must be named DIGIT_SPEAKER_NUMBER.wav, got {path}", HINT)
    audio = read_audio(path)
    if audio.rate != RATE:
        raise DataError(f"recordings must have {RATE} samples a second, {path} has {audio.rate}", HINT)
    return Recording(path.stem, match["speaker"], int(match["digit"]), int(match["number"]), audio)


def isolated(recordings: Sequence[Recording], num_filters: int = 40) -> Utterances:
    """Return recordings as utterances of one word each."""
    spoken = [
        Spoken(each.name, each.speaker, (DIGITS[each.digit],), filterbanks(each.audio, num_filters), each.audio)
        for each in recordings
    ]
    return gathered(spoken, "fsdd")


def connected(
    recordings: Sequence[Recording],
    *,
    count: int,
    digits: tuple[int, int] = (3, 7),
    pause_s: tuple[float, float] = (0.05, 0.3),
    seed: int = 0,
    num_filters: int = 40,
    named: str = "made",
) -> Utterances:
    """Return digit strings that nobody spoke: recordings of one speaker, joined, with pauses between and around them.

    A pause is noise as loud as the joined recordings' ends are. Not in the corpus, nor in the paper.

    Args:
        recordings: what to draw from.
        count: strings to make.
        digits: fewest and most digits of one.
        pause_s: shortest and longest pause, in seconds.
        seed: of what is drawn.
        num_filters: of the filterbanks.
        named: how the strings' keys begin.

    Raises:
        ArgumentError: a number outside its range.
    """
    if count < 1 or not 1 <= digits[0] <= digits[1] <= MOST_DIGITS:
        raise ArgumentError(f"count must be >= 1 and digits within 1..{MOST_DIGITS}, got {count} and {digits}")
    if not 0 <= pause_s[0] <= pause_s[1] < 60:
        raise ArgumentError(f"pause_s must lie in 0..60 seconds, the shorter first, got {pause_s}")
    random = np.random.default_rng(seed)
    speakers = sorted({each.speaker for each in recordings})
    spoken = []
    for number in range(count):
        speaker = speakers[random.integers(len(speakers))]
        own = [each for each in recordings if each.speaker == speaker]
        drawn = [own[place] for place in random.integers(len(own), size=random.integers(digits[0], digits[1] + 1))]
        sound = _joined(drawn, pause_s, random)
        words = tuple(DIGITS[each.digit] for each in drawn)
        spoken.append(Spoken(f"{named}-{number}-{speaker}", speaker, words, filterbanks(sound, num_filters), sound))
    return gathered(spoken, "connected digits, made by joining recordings")


def _joined(drawn: Sequence[Recording], pause_s: tuple[float, float], random: np.random.Generator) -> Audio:
    edge = int(EDGE_S * RATE)
    ends = np.concatenate([part for each in drawn for part in (each.audio.samples[:edge], each.audio.samples[-edge:])])
    loudness = float(np.sqrt(np.mean(ends**2)))

    def pause() -> np.ndarray:
        return random.normal(0, loudness, int(random.uniform(*pause_s) * RATE))

    parts = [part for each in drawn for part in (pause(), each.audio.samples)]
    return Audio(np.concatenate([*parts, pause()]).astype(np.float32), RATE)

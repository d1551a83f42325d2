"""From an audio file to words, when each was said, and how sure the net is of it."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from limbeck.acoustic import Lexicon, frame_scores, path_found, phone_spans, word_spans
from limbeck.acoustic.graphs import Graph
from limbeck.acoustic.paths import BestPath
from limbeck.acoustic.states import NUM_POSITIONS, TiedStates
from limbeck.data.audio import Audio, read_audio
from limbeck.data.filterbanks import FRAME_MS, SECONDS_A_FRAME
from limbeck.errors import DataError
from limbeck.hybrid.transcriber import NET, Transcriber, load_transcriber
from limbeck.teachers import Teacher, from_onnx, predict

FAINTEST_DB = -60  # against full scale


class HeardWord(NamedTuple):
    """A word that was heard."""

    word: str
    start: float
    """Seconds."""
    end: float
    confidence: float
    """Mean over the word's frames of the net's probability (0..1) of the phone that the frame was taken for."""


class Transcript(NamedTuple):
    """What was heard of a file."""

    file: Path
    seconds: float
    words: list[HeardWord]

    @property
    def text(self) -> str:
        """The words alone."""
        return " ".join(each.word for each in self.words)


class Listener:
    """A finished run's student, ready for files."""

    def __init__(self, folder: Path, language: str | None = None) -> None:
        """Read a run's student and what makes words of what it says.

        Raises:
            RunError: as `load_transcriber`.
            ArgumentError: there is no such model of language, or a package is not there.
        """
        self.transcriber: Transcriber = load_transcriber(folder)
        self.language = self.transcriber.chosen(language)
        self._net: Teacher = from_onnx(folder / NET)
        self._graph: Graph = self.transcriber.graph_of(self.language)

    def transcript(self, file: Path) -> Transcript:
        """Return what is heard of an audio file.

        Raises:
            DataError: it can't be read, has another rate or several channels, or no word is heard in it.
        """
        own = self.transcriber
        audio = read_audio(file)
        if audio.rate != own.front.rate:
            raise DataError(
                f"{file} must have {own.front.rate} samples a second, it has {audio.rate}",
                f"resample it first: ffmpeg -i {file} -ar {own.front.rate} -ac 1 other.wav",
            )
        check_loud(audio, file)
        windows, seconds = own.front.windows(audio, str(file)), len(audio.samples) / audio.rate
        logits = predict(self._net, windows).numpy()
        log_probs = logits - np.logaddexp.reduce(logits, 1, keepdims=True)
        scores = frame_scores(log_probs, own.priors, own.scales[self.language])
        if windows.num_rows < least_frames(own.lexicon):
            raise DataError(f"{file} must be long enough for a word, it has {seconds:.2f} s")
        path = path_found(self._graph, scores, own.beam)
        if path is None or not path.words:
            raise DataError(f"{file} must hold speech, no word is heard in its {seconds:.2f} s")
        return Transcript(file, seconds, self._words(path, np.exp(log_probs), seconds))

    def _words(self, path: BestPath, probs: Float32[np.ndarray, "frames states"], seconds: float) -> list[HeardWord]:
        own = self.transcriber
        sure = phone_probs(path, probs, own.states)
        words = [own.lexicon.words[word - 1] for word in path.words]
        return [
            HeardWord(
                word,
                round(first * SECONDS_A_FRAME, 2),
                min(round(end * SECONDS_A_FRAME, 2), seconds),  # the last frame may reach beyond the last sample
                float(sure[first:end].mean()),
            )
            for word, first, end in word_spans(words, phone_spans(path.states, own.states, own.lexicon), own.lexicon)
        ]


def check_loud(audio: Audio, file: Path) -> None:
    """Refuse a file in which nothing is loud: brought to the level of speech, faint noise might be taken for it.

    Raises:
        DataError: it is so faint.
    """
    size = audio.rate * FRAME_MS // 1000
    parts = np.array_split(audio.samples.astype(np.float64), max(1, len(audio.samples) // size))
    loudest = max(float(np.mean(part**2)) for part in parts)
    if loudest < 10 ** (FAINTEST_DB / 10):
        told = f"{10 * math.log10(loudest):.0f} dB" if loudest else "quite silent"
        raise DataError(
            f"{file} must hold speech, its loudest {FRAME_MS} ms must be above {FAINTEST_DB} dB of full scale, "
            f"got {told}"
        )


def phone_probs(
    path: BestPath, probs: Float32[np.ndarray, "frames states"], states: TiedStates
) -> Float32[np.ndarray, " frames"]:
    """Return for each frame the probability of the phone that a path takes it for: of all its tied states together."""
    phones = states.roots // NUM_POSITIONS
    own = phones[path.states]
    return np.where(phones[None] == own[:, None], probs, 0).sum(1).clip(max=1)


def least_frames(lexicon: Lexicon) -> int:
    """Return how many frames the shortest word takes: one for each state.

    >>> least_frames(Lexicon((("A", ("EY",)), ("BE", ("B", "IY")))))
    3
    """
    return NUM_POSITIONS * min(len(phones) for _, phones in lexicon.pronunciations)

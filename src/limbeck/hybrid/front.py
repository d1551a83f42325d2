"""The front end of nets that hear audio files: from samples to the windows of frames that they judge."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32, Float64

from limbeck.data import Splice, TransferSet, Utterances
from limbeck.data.audio import Audio
from limbeck.data.filterbanks import filterbanks, with_deltas
from limbeck.data.utterances import Frames, Spoken, gathered, moments
from limbeck.hybrid.plan import Plan

LOUD_FRAMES = 5  # a click is shorter
LOWEST = -10.0  # log energy, 43 dB below the loudest frames: digital silence has none at all


def levelled(frames: Frames) -> Frames:
    """Return the filterbanks of an utterance as if it were as loud as any other, and nothing in it quite silent.

    Its level is that of its fifth loudest frame, over all filters; it becomes 0.
    """
    loudness = np.sort(frames.mean(1))
    return np.maximum(frames - loudness[-min(LOUD_FRAMES, len(loudness))], LOWEST)


@dataclass(frozen=True, eq=False)
class Front:
    """How the frames were made that a net has learned from, so that those of any file are made alike."""

    rate: int
    """Samples a second."""
    num_filters: int
    slopes: bool
    """Whether a frame's filterbanks are followed by how they move."""
    before: int
    """Frames of a window before the one judged."""
    after: int
    mean: Float64[np.ndarray, " features"]
    """Of the training frames, whoever speaks: a file is judged without knowing who does."""
    deviation: Float64[np.ndarray, " features"]

    @classmethod
    def fitted(cls, train: Utterances, rate: int, plan: Plan) -> "Front":
        """Return the front end that a plan asks for, with the mean and deviation of training utterances."""
        num_filters = train.frames.inputs.shape[1]
        size = 3 * num_filters if plan.slopes else num_filters
        plain = cls(rate, num_filters, plan.slopes, plan.before, plan.after, np.zeros(size), np.ones(size))
        seen = plain.normalised(train).frames
        mean, deviation = moments(seen.inputs_at(seen.rows_of(seen.ids)).numpy())
        return replace(plain, mean=mean, deviation=deviation)

    def normalised(self, utterances: Utterances) -> Utterances:
        """Return utterances of plain filterbanks as nets take them, still frame by frame."""

        def change(frames: Frames) -> Float32[np.ndarray, "frames seen"]:
            even = levelled(frames)
            moved = with_deltas(even) if self.slopes else even
            return ((moved - self.mean) / self.deviation).astype(np.float32)

        return utterances.changed(change)

    def windows(self, audio: Audio, name: str) -> TransferSet:
        """Return the windows of one recording, a row for each of its frames."""
        utterance = self.normalised(gathered([Spoken(name, "", (), filterbanks(audio, self.num_filters))], name))
        return utterance.frames.seen_through(Splice(utterance.frames, self.before, self.after))

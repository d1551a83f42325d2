"""Utterances: runs of frames, who speaks, and the words that are said."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32
from numpy.typing import NDArray

from limbeck.data.audio import Audio
from limbeck.data.origins import RowsOfTables
from limbeck.data.philox import permutation
from limbeck.data.transfer_set import SPLIT_STREAM, TransferSet
from limbeck.errors import ArgumentError

Words = tuple[str, ...]
Frames = Float32[np.ndarray, "frames features"]
Scope = Literal["speaker", "all"]
STILL = 1e-4  # a feature's smallest standard deviation: below it is a feature that does not move


class Spoken(NamedTuple):
    """One utterance before it is a part of a set."""

    key: str
    speaker: str
    words: Words
    frames: Frames
    sound: Audio | None = None


class Span(NamedTuple):
    """A word, a phone: the frames first..end that it takes, the end not among them."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, eq=False)
class Utterances:
    """Utterances of one source, addressed by id: their place in the source, which a subset keeps."""

    frames: TransferSet
    """Frames (frames, features) in float32, in runs; its ids are the utterances of this set."""
    keys: Words
    """What each utterance of the source is called."""
    speakers: Words
    """Who speaks in each."""
    transcripts: tuple[Words, ...]
    """The words of each."""
    sounds: tuple[Audio | None, ...] = field(default=(), repr=False)
    """What each sounds like, to be listened to; nothing where the source is features alone."""

    def __post_init__(self) -> None:
        lengths = self.frames.run_lengths
        if lengths is None or self.frames.inputs.ndim != 2 or self.frames.inputs.dtype != torch.float32:
            raise ArgumentError(
                "utterances must be runs of float32 frames (frames, features), "
                f"got {self.frames.inputs.dtype} {tuple(self.frames.inputs.shape)}"
            )
        if not self.sounds:
            object.__setattr__(self, "sounds", (None,) * len(lengths))
        counts = [len(each) for each in (self.keys, self.speakers, self.transcripts, self.sounds)]
        if counts != [len(lengths)] * 4:
            raise ArgumentError(
                f"keys, speakers, transcripts and sounds must be {len(lengths)}, one a run, got {counts}"
            )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def ids(self) -> list[int]:
        """The utterances of this set."""
        return self.frames.ids.tolist()

    def frames_of(self, utterance: int) -> Frames:
        """Return the frames of one utterance of the source."""
        return self.frames.inputs_at(self.frames.rows_of(torch.tensor([utterance]))).numpy()

    def spoken(self) -> "list[Spoken]":
        """Return the utterances of this set one by one, as `gathered` takes them."""
        return [
            Spoken(self.keys[n], self.speakers[n], self.transcripts[n], self.frames_of(n), self.sounds[n])
            for n in self.ids
        ]

    @property
    def people(self) -> Words:
        """The speakers of this set, in the order of the alphabet."""
        return tuple(sorted({self.speakers[each] for each in self.ids}))

    def subset(self, ids: Collection[int], name: str) -> "Utterances":
        """Return the set that has only the utterances `ids`."""
        return replace(self, frames=self.frames.subset(torch.tensor(sorted(ids), dtype=torch.long), name))

    def whole(self) -> "Utterances":
        """Return all utterances of the source."""
        return replace(self, frames=replace(self.frames, ids=torch.arange(len(self._lengths))))

    def of_speakers(self, people: Collection[str], name: str) -> "Utterances":
        """Return the utterances of some speakers."""
        return self.subset([each for each in self.ids if self.speakers[each] in people], name)

    def hold_out(self, num_speakers: int, seed: int = 0) -> "tuple[Utterances, Utterances]":
        """Cut off all utterances of so many speakers, drawn at random: (the rest, the held-out).

        Raises:
            ArgumentError: nobody would be held out, or nobody left.
        """
        people = self.people
        if not 0 < num_speakers < len(people):
            raise ArgumentError(f"speakers held out must lie in 1..{len(people) - 1}, got {num_speakers}")
        drawn = permutation(seed, SPLIT_STREAM, 0, len(people))[:num_speakers]
        held = {people[each] for each in drawn}
        rest = self.of_speakers(set(people) - held, self.frames.name)
        return rest, self.of_speakers(held, "held-out speakers")

    def changed(self, change: Callable[[Frames], Frames]) -> "Utterances":
        """Return the same utterances, the frames of each of the source changed; their number stays."""
        lengths = self._lengths
        parts = [change(part) for part in np.split(self.frames.inputs.numpy(), lengths.cumsum()[:-1])]
        return self._with(np.concatenate(parts))

    def normalised(self, scope: Scope = "speaker") -> "Utterances":
        """Return the same utterances, each feature with mean 0 and deviation 1.

        Args:
            scope: `speaker`: over all that a speaker says in the source, so that a speaker must be heard out before
                the first frame is judged; `all`: over the frames of this set alone, the same shift for everybody.
        """
        values, lengths = self.frames.inputs.numpy(), self._lengths
        if scope == "all":
            mean, deviation = moments(values[self.frames.rows_of(self.frames.ids).numpy()])
            return self._with((values - mean) / deviation)
        found = np.empty_like(values)
        speakers = np.repeat(np.unique(self.speakers, return_inverse=True)[1], lengths)
        for speaker in range(speakers.max() + 1):
            own = speakers == speaker
            mean, deviation = moments(values[own])
            found[own] = (values[own] - mean) / deviation
        return self._with(found)

    @property
    def _lengths(self) -> NDArray[np.int64]:
        assert self.frames.run_lengths is not None  # seen at the start
        return self.frames.run_lengths.numpy()

    def _with(self, values: NDArray[np.floating]) -> "Utterances":
        inputs = torch.from_numpy(np.ascontiguousarray(values, np.float32))
        return replace(self, frames=replace(self.frames, inputs=inputs))


def moments(frames: Frames) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each feature's mean and standard deviation, which is never 0."""
    return frames.mean(0, np.float64), np.maximum(frames.std(0, dtype=np.float64), STILL)


def gathered(spoken: Collection[Spoken], name: str) -> Utterances:
    """Return utterances as one source.

    Raises:
        ArgumentError: there are none, or one has no frames, or other features than the others.
    """
    if not spoken:
        raise ArgumentError(f"the {name} must have utterances, got none")
    widths = {each.frames.shape[1] for each in spoken}
    if len(widths) > 1:
        raise ArgumentError(f"all utterances of the {name} must have the same features, got {sorted(widths)}")
    lengths = torch.tensor([len(each.frames) for each in spoken])
    frames = TransferSet(
        torch.from_numpy(np.concatenate([each.frames for each in spoken])),
        name=name,
        run_lengths=lengths,
        origins=RowsOfTables([each.key for each in spoken], lengths.tolist(), "frame"),
    )
    keys, speakers, words, _, sounds = zip(*spoken, strict=True)
    return Utterances(frames, keys, speakers, words, sounds)

"""Mixtures on their way: pass after pass over the frames, split as they are fitted, frames aligned anew by them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from limbeck.acoustic.alignment import Alignments, aligned, sentence_graphs, staying_of
from limbeck.acoustic.gaussians import Mixtures, improved, log_likelihoods
from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.states import TiedStates
from limbeck.data.utterances import Utterances


@dataclass
class Fit:
    """Mixtures, and what they made of the utterances last."""

    utterances: Utterances
    lexicon: Lexicon
    states: TiedStates
    alignments: Alignments
    mixtures: Mixtures
    say: Callable[[str], None]

    @property
    def frames(self) -> Float32[np.ndarray, "frames features"]:
        """All frames, utterance after utterance."""
        return self.utterances.frames.inputs_at(self.utterances.frames.rows_of(self.utterances.frames.ids)).numpy()

    def passes(self, count: int, num_gaussians: int, realign: Callable[[int], bool]) -> None:
        """Go over the frames so many times, splitting Gaussians until three quarters are done."""
        frames, least = self.frames, len(self.states)
        for number in range(count):
            share = min(1.0, number / max(1, 0.75 * count))
            goal = int(least + share * max(0, num_gaussians - least))
            improved(self.mixtures, frames, self._in_order(), goal if number < count - 1 else 0)
            if realign(number):
                self.alignments = self.alignments_of(self.utterances)
                self.say(f"pass {number + 1} of {count}: {self.mixtures.num_gauss} Gaussians, frames aligned anew")

    def alignments_of(self, utterances: Utterances) -> Alignments:
        """Return the tied state of each frame of utterances, these or others, by the mixtures."""
        staying = staying_of(self.alignments, len(self.states))
        graphs = sentence_graphs(utterances, self.lexicon, self.states, staying)
        return {
            each: aligned(
                graphs[each], log_likelihoods(self.mixtures, utterances.frames_of(each)), utterances.keys[each]
            )
            for each in utterances.ids
        }

    def _in_order(self) -> NDArray[np.int64]:
        return np.concatenate([self.alignments[each] for each in self.utterances.ids])

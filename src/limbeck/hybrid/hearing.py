"""From what a net says of a set's frames to words, and what errors they make."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32
from torch import Tensor

from limbeck.acoustic import Heard, Scales, by_speaker, frame_scores, hear
from limbeck.acoustic.word_errors import WordErrors
from limbeck.data import Utterances
from limbeck.data.filterbanks import SECONDS_A_FRAME
from limbeck.hybrid.ground import Ground, frames_of

LogProbs = Mapping[int, Float32[np.ndarray, "_ states"]]
"""Of each utterance."""


@dataclass(frozen=True)
class Decoded:
    """What was heard of a set by one system with one model of language."""

    heard: Heard
    speakers: list[WordErrors]
    """Errors of each speaker, in the order of the alphabet."""

    @property
    def rate(self) -> float:
        """The word error rate."""
        return self.heard.total.rate


def log_probs_of(logits: Float[Tensor, "frames states"], utterances: Utterances) -> LogProbs:
    """Return a net's log-probabilities by utterance, from its logits in the order of the set's ids."""
    ends = np.cumsum(frames_of(utterances))[:-1]
    return dict(zip(utterances.ids, np.split(logits.log_softmax(1).numpy(), ends), strict=True))


def decoded(ground: Ground, language: str, log_probs: LogProbs, utterances: Utterances, scales: Scales) -> Decoded:
    """Return what is heard with one of the ground's models of language, of those of a set that it is for."""
    graph, own = ground.graph_of(language, scales.insertion_penalty), ground.meant(language, utterances)
    scores = {each: frame_scores(log_probs[each], ground.start.priors, scales) for each in own.ids}
    heard = hear(graph, scores, own, ground.lexicon, ground.plan.beam)
    return Decoded(heard, by_speaker(heard.errors, [own.speakers[each] for each in own.ids]))


def audio_seconds(utterances: Utterances) -> float:
    """Return how long a set is."""
    return SECONDS_A_FRAME * sum(frames_of(utterances))

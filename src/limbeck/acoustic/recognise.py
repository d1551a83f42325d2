"""Recognition: from what a net says of each frame to words."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray

from limbeck.acoustic.graphs import Graph
from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.paths import BestPath, best_path
from limbeck.acoustic.word_errors import WordErrors, word_errors
from limbeck.data.utterances import Utterances, Words
from limbeck.errors import ArgumentError

BEAM = 16.0


@dataclass(frozen=True)
class Scales:
    """How frames and words are weighed against each other; chosen on held-out speakers."""

    acoustic: float = 0.2
    """Of the frames' scores: neighbouring frames say much the same, so each counts less than 1."""
    prior: float = 1.0
    """The paper's κ: of the states' priors, by which a net's posteriors are divided."""
    insertion_penalty: float = 0.0
    """Cost of each word."""

    def __post_init__(self) -> None:
        if not (0 < self.acoustic <= 10 and 0 <= self.prior <= 10 and abs(self.insertion_penalty) <= 100):
            raise ArgumentError(
                f"scales must be acoustic in 0..10 and not 0, prior in 0..10, insertion_penalty within ±100, got {self}"
            )


def frame_scores(
    log_probs: Float[np.ndarray, "frames states"], priors: NDArray[np.float64], scales: Scales
) -> Float32[np.ndarray, "frames states"]:
    """Return acoustic · (log p(s|x) - κ log p(s)): by Bayes' rule how probable the frame is in each state."""
    return (scales.acoustic * (log_probs - scales.prior * np.log(priors))).astype(np.float32)


class Heard(NamedTuple):
    """What was understood of some utterances."""

    words: dict[int, tuple[str, ...]]
    """Of each utterance; none where no way through the graph ends with its last frame."""
    errors: list[WordErrors]
    """Of each, in the order of the ids."""
    seconds: float
    """What decoding took: the search alone, once the frames' scores were there."""

    @property
    def total(self) -> WordErrors:
        """The errors of all."""
        return sum(self.errors, WordErrors(0, 0, 0, 0))


def path_found(graph: Graph, scores: Float32[np.ndarray, "frames states"], beam: float) -> BestPath | None:
    """Return the best way through a graph; None where there is no way, by a beam twice as wide."""
    return best_path(graph, scores, beam) or best_path(graph, scores, 2 * beam)


def recognised(graph: Graph, scores: Float32[np.ndarray, "frames states"], lexicon: Lexicon, beam: float) -> Words:
    """Return the words of the best way through a graph; none where there is no way, by a beam twice as wide."""
    path = path_found(graph, scores, beam)
    return () if path is None else tuple(lexicon.words[word - 1] for word in path.words)


def hear(
    graph: Graph,
    scores: Mapping[int, Float32[np.ndarray, "_ states"]],
    utterances: Utterances,
    lexicon: Lexicon,
    beam: float = BEAM,
) -> Heard:
    """Return what is understood of utterances, from each one's scores, and its errors."""
    began = time.perf_counter()
    words = {each: recognised(graph, scores[each], lexicon, beam) for each in utterances.ids}
    seconds = time.perf_counter() - began
    errors = [word_errors(utterances.transcripts[each], words[each]) for each in utterances.ids]
    return Heard(words, errors, seconds)

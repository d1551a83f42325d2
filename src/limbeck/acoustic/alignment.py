"""Alignment: the tied state of each frame, given the words."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from limbeck.acoustic.graphs import Graph, lexicon_graph, sentence_graph, state_graph
from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.paths import best_path
from limbeck.acoustic.states import NUM_POSITIONS, SILENCE_NUMBER, TiedStates, monophones, windows_of
from limbeck.data.utterances import Utterances
from limbeck.errors import DataError

BEAMS = (40.0, 200.0, 2000.0)  # one after the other, until a way is found
STAYING = 0.5  # probability of staying in a state before anything is known
LEAST_STAYING, MOST_STAYING = 0.01, 0.99
LEAVE_OUT = "leave it out, or look at its transcript"

Alignments = Mapping[int, NDArray[np.int64]]
"""The state of each frame of each utterance."""


def even_alignment(phones: Sequence[int], num_frames: int) -> NDArray[np.int64]:
    """Return the flat start: all states of all phones get the same share of the frames, one monophone state each.

    >>> even_alignment([1, 2], 8)
    array([0, 0, 1, 2, 3, 3, 4, 5])
    """
    states = [state for window in windows_of(phones) for state in monophones(max(phones)).of(*window)]
    return np.array(states)[np.arange(num_frames) * len(states) // num_frames]


def flat_start(utterances: Utterances, lexicon: Lexicon) -> Alignments:
    """Return the even alignments of all utterances: first pronunciations, a silence before and after."""
    found = {}
    for each in utterances.ids:
        words = utterances.transcripts[each]
        lexicon.numbers_of(words)
        phones = [phone for word in words for phone in lexicon.first_pronunciation[word]]
        found[each] = even_alignment([SILENCE_NUMBER, *phones, SILENCE_NUMBER], len(utterances.frames_of(each)))
    return found


def sentence_graphs(
    utterances: Utterances, lexicon: Lexicon, states: TiedStates, staying: NDArray[np.float64]
) -> dict[int, Graph]:
    """Return each utterance's graph; utterances of the same words share theirs."""
    spoken = lexicon_graph(lexicon)
    of_words: dict[tuple[str, ...], Graph] = {}
    for words in {utterances.transcripts[each] for each in utterances.ids}:
        of_words[words] = state_graph(sentence_graph(lexicon.numbers_of(words)), spoken, states, staying)
    return {each: of_words[utterances.transcripts[each]] for each in utterances.ids}


def aligned(graph: Graph, scores: Float32[np.ndarray, "frames states"], key: str) -> NDArray[np.int64]:
    """Return the tied state of each frame of an utterance.

    Raises:
        DataError: no way through the graph ends with the last frame, or all that do are far worse than others.
    """
    for beam in BEAMS:
        path = best_path(graph, scores, beam)
        if path is not None:
            return path.states
    raise DataError(
        f"an utterance must sound like its words, {key} fits no way to say them in its {len(scores)} frames", LEAVE_OUT
    )


def check_long_enough(utterances: Utterances, lexicon: Lexicon) -> None:
    """Refuse utterances in which their words can't be said, however quickly.

    Raises:
        ArgumentError: a word is not in the lexicon.
        DataError: an utterance has fewer frames than its words have states.
    """
    shortest = lexicon.shortest_pronunciation
    for each in utterances.ids:
        words, frames = utterances.transcripts[each], len(utterances.frames_of(each))
        lexicon.numbers_of(words)
        if frames < NUM_POSITIONS * max(1, sum(shortest[word] for word in words)):
            raise DataError(
                f"an utterance must have a frame for each of its {NUM_POSITIONS} states a phone, "
                f"{utterances.keys[each]} has {frames}",
                LEAVE_OUT,
            )


def staying_of(alignments: Alignments, num_states: int) -> NDArray[np.float64]:
    """Return how often each state was followed by itself, as a probability within 0.01..0.99."""
    frames, visits = np.zeros(num_states), np.zeros(num_states)
    for states in alignments.values():
        frames += np.bincount(states, minlength=num_states)
        visits += np.bincount(states[np.r_[True, states[1:] != states[:-1]]], minlength=num_states)
    seen = np.where(frames > 0, 1 - visits / np.maximum(frames, 1), STAYING)
    return np.clip(seen, LEAST_STAYING, MOST_STAYING)


def priors_of(alignments: Alignments, num_states: int) -> NDArray[np.float64]:
    """Return each state's share of the frames, from the alignments' counts; one that has none counts half a frame."""
    counts = sum(np.bincount(states, minlength=num_states) for states in alignments.values()) + np.zeros(num_states)
    counts = np.maximum(counts, 0.5)
    return counts / counts.sum()

"""Graphs: every way to say some words, as a transducer from tied states to words.

H∘C∘L∘G of the field (Mohri, Pereira & Riley 2002): G says which words follow which, L how each is pronounced, C puts
each phone between its neighbours, H makes each of these its three tied states. One form serves alignment, where G is
one sentence, and decoding. An arc's input label is the state's number + 1.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from limbeck.acoustic.lexicon import NOTHING, Lexicon
from limbeck.acoustic.needed import needed
from limbeck.acoustic.states import NUM_POSITIONS, SILENCE_NUMBER, TiedStates
from limbeck.errors import ArgumentError

SILENCE_PROBABILITY = 0.5  # that there is a silence before the first word, and after each
Graph = Any
"""A transducer of kaldifst."""


def lexicon_graph(lexicon: Lexicon) -> Graph:
    """Return L: from the phones of any words, with silences where they may be, to the words."""
    fst = needed("kaldifst")
    graph = fst.StdVectorFst()
    start, between, silent = (graph.add_state() for _ in range(3))
    graph.start = start
    graph.set_final(between, 0.0)
    with_silence, without = -math.log(SILENCE_PROBABILITY), -math.log(1 - SILENCE_PROBABILITY)
    graph.add_arc(start, fst.StdArc(NOTHING, NOTHING, without, between))
    graph.add_arc(start, fst.StdArc(NOTHING, NOTHING, with_silence, silent))
    graph.add_arc(silent, fst.StdArc(SILENCE_NUMBER, NOTHING, 0.0, between))
    for word, phones in lexicon.spelled:
        at, said = between, word
        for phone in phones[:-1]:
            then = graph.add_state()
            graph.add_arc(at, fst.StdArc(phone, said, 0.0, then))
            at, said = then, NOTHING
        graph.add_arc(at, fst.StdArc(phones[-1], said, without, between))
        graph.add_arc(at, fst.StdArc(phones[-1], said, with_silence, silent))
    fst.arcsort(graph, "olabel")
    return graph


def sentence_graph(words: Sequence[int]) -> Graph:
    """Return G of one sentence."""
    return needed("kaldifst").make_linear_acceptor(list(words))


def loop_graph(num_words: int) -> Graph:
    """Return G of any words in any order, all equally probable."""
    fst = needed("kaldifst")
    graph = fst.StdVectorFst()
    graph.start = graph.add_state()
    graph.set_final(0, 0.0)
    for word in range(1, num_words + 1):
        graph.add_arc(0, fst.StdArc(word, word, math.log(num_words), 0))
    return graph


def one_word_graph(num_words: int) -> Graph:
    """Return G of exactly one word, all equally probable."""
    fst = needed("kaldifst")
    graph = fst.StdVectorFst()
    graph.start, end = graph.add_state(), graph.add_state()
    graph.set_final(end, 0.0)
    for word in range(1, num_words + 1):
        graph.add_arc(graph.start, fst.StdArc(word, word, math.log(num_words), end))
    return graph


def state_graph(
    words: Graph, lexicon: Graph, states: TiedStates, staying: NDArray[np.float64], insertion_penalty: float = 0.0
) -> Graph:
    """Return H∘C∘L∘G: from tied states to words.

    Args:
        words: G.
        lexicon: L.
        states: the tied states.
        staying: probability (0..1) of each tied state's being followed by itself.
        insertion_penalty: cost of each word beside its improbability.

    Raises:
        ArgumentError: G has no way to its end, or none in words of the lexicon.
    """
    fst = needed("kaldifst")
    phones = fst.StdVectorFst(fst.compose(lexicon, words))
    if not phones.num_states:
        raise ArgumentError(
            "a model of language must have a way from its start to an end in the lexicon's words, got none"
        )
    in_context, windows = fst.compose_context([], NUM_POSITIONS, 1, phones)
    costs = _Costs(-np.log(staying), -np.log1p(-staying), insertion_penalty)
    return _with_states(in_context, [states.of(*window) if window else () for window in windows], costs)


class _Costs(NamedTuple):
    stay: NDArray[np.float64]
    leave: NDArray[np.float64]
    word: float


def _with_states(in_context: Graph, tied: Sequence[tuple[int, ...]], costs: _Costs) -> Graph:
    """Return H∘(C∘L∘G): each arc of a phone made three states; arcs of one phone to one state share them."""
    fst = needed("kaldifst")
    graph = fst.StdVectorFst()
    for state in range(in_context.num_states):
        graph.add_state()
        graph.set_final(state, in_context.final(state))
    graph.start = in_context.start
    entered: dict[tuple[tuple[int, ...], int], int] = {}

    def chain(own: tuple[int, ...], to: int) -> int:
        """Return the place of the first of three tied states on a way to a state of `in_context`."""
        places = [graph.add_state() for _ in own]
        for place, state, after, then in zip(places, own, (*own[1:], None), (*places[1:], to), strict=True):
            graph.add_arc(place, fst.StdArc(state + 1, NOTHING, costs.stay[state], place))
            graph.add_arc(place, fst.StdArc(NOTHING if after is None else after + 1, NOTHING, costs.leave[state], then))
        return places[0]

    for source in range(in_context.num_states):
        for arc in fst.ArcIterator(in_context, source):
            cost = float(arc.weight.value) + (costs.word if arc.olabel else 0.0)
            own = tied[arc.ilabel]
            if not own:
                graph.add_arc(source, fst.StdArc(NOTHING, arc.olabel, cost, arc.nextstate))
                continue
            key = (own, arc.nextstate)
            if key not in entered:
                entered[key] = chain(*key)
            graph.add_arc(source, fst.StdArc(own[0] + 1, arc.olabel, cost, entered[key]))
    return graph

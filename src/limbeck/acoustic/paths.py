"""The best path through a graph, by kaldi-decoder's FasterDecoder: for alignment and for decoding."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from limbeck.acoustic.graphs import Graph
from limbeck.acoustic.needed import needed

MOST_ACTIVE = 3000  # places in a graph that are looked at a frame


class BestPath(NamedTuple):
    """The best way through a graph."""

    states: NDArray[np.int64]
    """The tied state of each frame."""
    words: list[int]
    """The labels of its words."""
    cost: float
    """The graph's and the frames', together."""


def best_path(graph: Graph, scores: Float32[np.ndarray, "frames states"], beam: float) -> BestPath | None:
    """Return the best way through a graph, None where no way ends with the last frame.

    Args:
        graph: from tied states to words.
        scores: how well each frame fits each tied state, a logarithm.
        beam: how much worse than the best a way may become before it is given up.
    """
    decoder, fst = needed("kaldi_decoder"), needed("kaldifst")
    search = decoder.FasterDecoder(graph, decoder.FasterDecoderOptions(beam=beam, max_active=MOST_ACTIVE))
    search.decode(decoder.DecodableCtc(np.ascontiguousarray(scores, np.float32)))
    if not search.reached_final():
        return None
    found, lattice = search.get_best_path()
    if not found:
        return None
    _, states, words, weight = fst.get_linear_symbol_sequence(lattice)
    return BestPath(np.array(states) - 1, list(words), float(weight.value1 + weight.value2))

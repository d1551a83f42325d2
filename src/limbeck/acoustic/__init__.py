"""Acoustic models (Hinton et al. 2015, s. 4): states of tri-phones, alignment, decoding, word errors.

The road: `start_from_words` makes of words alone a tied state for each frame; a net learns to tell it (`limbeck.fit`,
on spliced frames); `hear` makes words of what the net says. Graphs, search and mixtures are the field's own parts
(extra `speech`); the tree and the states' transducer are ours.
"""

from limbeck.acoustic.alignment import aligned, priors_of, staying_of
from limbeck.acoustic.graphs import lexicon_graph, loop_graph, one_word_graph, sentence_graph, state_graph
from limbeck.acoustic.lexicon import Lexicon
from limbeck.acoustic.ngrams import bigram_model, model_graph
from limbeck.acoustic.paths import best_path
from limbeck.acoustic.recognise import Heard, Scales, frame_scores, hear, path_found, recognised
from limbeck.acoustic.spans import phone_spans, word_spans
from limbeck.acoustic.speakers import Share, difference_interval, rate_interval
from limbeck.acoustic.start import Start, start_from_words
from limbeck.acoustic.states import TiedStates, monophones, state_names
from limbeck.acoustic.word_errors import WordErrors, by_speaker, word_errors, word_pairs
from limbeck.budget import StartBudget

__all__ = [
    "Heard",
    "Lexicon",
    "Scales",
    "Share",
    "Start",
    "StartBudget",
    "TiedStates",
    "WordErrors",
    "aligned",
    "best_path",
    "bigram_model",
    "by_speaker",
    "difference_interval",
    "frame_scores",
    "hear",
    "lexicon_graph",
    "loop_graph",
    "model_graph",
    "monophones",
    "one_word_graph",
    "path_found",
    "phone_spans",
    "priors_of",
    "rate_interval",
    "recognised",
    "sentence_graph",
    "start_from_words",
    "state_graph",
    "state_names",
    "staying_of",
    "word_errors",
    "word_pairs",
    "word_spans",
]

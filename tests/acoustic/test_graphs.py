"""Graphs and the best paths through them, beside all ways written out."""

import itertools
import math

import numpy as np
import pytest

from limbeck import ArgumentError, DataError
from limbeck.acoustic import (
    Lexicon,
    aligned,
    best_path,
    bigram_model,
    lexicon_graph,
    loop_graph,
    model_graph,
    monophones,
    one_word_graph,
    sentence_graph,
    state_graph,
)
from limbeck.acoustic.states import Leaf, Question, TiedStates

pytest.importorskip("kaldi_hmm_gmm")  # first: see limbeck.acoustic.needed
pytest.importorskip("kaldilm")

LEXICON = Lexicon((("x", ("P",)), ("x", ("Q", "P")), ("y", ("Q",))))
NUM_STATES = 9


def ways(words):
    """Each sequence of phones that says some words, and its cost: silences and pronunciations."""
    choices = [[p for w, p in LEXICON.spelled if w == LEXICON.word_number[word]] for word in words]
    for spoken in itertools.product(*choices):
        for silent in itertools.product((False, True), repeat=len(words) + 1):
            phones = [1] if silent[0] else []
            for own, after in zip(spoken, silent[1:], strict=True):
                phones += [*own, *([1] if after else [])]
            yield phones, (len(words) + 1) * math.log(2)


def cheapest(scores, states, staying):
    """The cheapest cost of a sequence of states through all frames, by Viterbi in numpy."""
    cost = np.full(len(states), np.inf)
    cost[0] = -scores[0, states[0]]
    for frame in scores[1:]:
        stayed = cost - np.log(staying[states])
        moved = np.r_[np.inf, cost[:-1] - np.log1p(-staying[states[:-1]])]
        cost = np.minimum(stayed, moved) - frame[states]
    return cost[-1] - np.log1p(-staying[states[-1]])


@pytest.mark.parametrize("words", [("x",), ("y", "x"), ("x", "x", "y")])
def test_the_best_path_is_the_cheapest_of_all_ways(words):
    random = np.random.default_rng(len(words))
    scores = random.normal(0, 3, (30, NUM_STATES)).astype(np.float32)
    staying = random.uniform(0.2, 0.8, NUM_STATES)
    tied = monophones(3)
    costs = {}
    for phones, cost in ways(words):
        states = np.array([state for phone in phones for state in tied.of(0, phone, 0)])
        if len(states) <= len(scores):
            costs[tuple(phones)] = cost + cheapest(scores, states, staying)
    graph = state_graph(sentence_graph(LEXICON.numbers_of(words)), lexicon_graph(LEXICON), tied, staying)
    path = best_path(graph, scores, 1000.0)
    assert path.cost == pytest.approx(min(costs.values()), abs=1e-3)
    best = min(costs, key=costs.get)
    passed = [state for state, _ in itertools.groupby(path.states)]
    assert passed == [state for phone in best for state in tied.of(0, phone, 0)]
    assert path.words == LEXICON.numbers_of(words)
    assert len(path.states) == 30


def test_where_one_word_is_said_one_is_heard():
    """Frames of y y: a loop hears both, the graph of one word stretches one."""
    states, staying = monophones(3), np.full(NUM_STATES, 0.5)
    said = np.array([state for word in ("y", "y") for state in states.of(0, LEXICON.first_pronunciation[word][0], 0)])
    scores = np.full((6, NUM_STATES), -9.0, np.float32)
    scores[np.arange(6), said] = 0.0

    def heard(words):
        return best_path(state_graph(words, lexicon_graph(LEXICON), states, staying), scores, 100.0)

    assert [LEXICON.words[each - 1] for each in heard(loop_graph(2)).words] == ["y", "y"]
    alone = heard(one_word_graph(2))
    assert [LEXICON.words[each - 1] for each in alone.words] == ["y"]
    assert alone.cost == pytest.approx(18 + 6 * math.log(2) + math.log(2) * 3, abs=1e-3)  # 2 of 6 frames fit no state


def test_a_phones_states_are_those_of_its_neighbours():
    """P after Q has states of its own; nothing and silence are one neighbour."""
    plain = monophones(3).trees
    after_q = Question(0, frozenset({3}), Leaf(9), Leaf(3))
    tied = TiedStates((*plain[:3], after_q, *plain[4:]))
    assert tied.of(3, 2, 1) == (9, 4, 5)
    assert tied.of(0, 2, 0) == tied.of(1, 2, 1) == (3, 4, 5)
    scores = np.zeros((6, 10), np.float32)
    for frame, state in enumerate((6, 7, 8, 9, 4, 5)):
        scores[frame, state] = 20
    graph = state_graph(loop_graph(2), lexicon_graph(LEXICON), tied, np.full(10, 0.5))
    path = best_path(graph, scores, 100.0)
    assert path.states.tolist() == [6, 7, 8, 9, 4, 5]
    assert path.words == [LEXICON.word_number["x"]]


def test_the_insertion_penalty_is_each_words():
    scores = np.random.default_rng(0).normal(0, 3, (24, NUM_STATES)).astype(np.float32)
    words = sentence_graph(LEXICON.numbers_of(["x", "y", "x"]))
    free, dear = (
        best_path(state_graph(words, lexicon_graph(LEXICON), monophones(3), np.full(9, 0.5), each), scores, 500.0).cost
        for each in (0.0, 2.5)
    )
    assert dear - free == pytest.approx(3 * 2.5, abs=1e-3)


def test_too_few_frames_have_no_path_and_are_told():
    graph = state_graph(sentence_graph([1]), lexicon_graph(LEXICON), monophones(3), np.full(9, 0.5))
    scores = np.zeros((2, NUM_STATES), np.float32)
    assert best_path(graph, scores, 100.0) is None
    with pytest.raises(DataError, match="must sound like its words, u7 fits no way to say them in its 2 frames"):
        aligned(graph, scores, "u7")
    with pytest.raises(ArgumentError, match="a model of language must have a way from its start to an end"):
        state_graph(one_word_graph(0), lexicon_graph(LEXICON), monophones(3), np.full(9, 0.5))
    with pytest.raises(ArgumentError, match="words must be in the lexicon, zed are not"):
        LEXICON.numbers_of(["x", "zed"])


def test_bigrams_are_witten_and_bells_and_add_up():
    arpa = bigram_model([["x", "y"], ["x"], ["y", "x", "y"]], ("x", "y", "z"))
    singles, doubles = (part.split("\n\n")[0].split("\n")[1:] for part in arpa.split("-grams:")[1:])
    told = [line.split("\t") for line in singles if line]
    alone = {row[1]: 10 ** float(row[0]) for row in told}
    backoff = {row[1]: 10 ** float(row[2]) for row in told if len(row) == 3}
    pairs = {tuple(line.split("\t")[1].split()): 10 ** float(line.split("\t")[0]) for line in doubles if line}
    assert alone["x"] == pytest.approx((3 + 3 / 4) / (9 + 3), abs=1e-5)
    assert sum(alone[word] for word in ("x", "y", "z", "</s>")) == pytest.approx(1, abs=1e-5)
    assert pairs["x", "y"] == pytest.approx((2 + 2 * alone["y"]) / (3 + 2), abs=1e-5)
    for before in ("<s>", "x", "y", "z"):
        seen = [word for first, word in pairs if first == before]
        rest = sum(alone[word] for word in ("x", "y", "z", "</s>") if word not in seen)
        assert sum(pairs[before, word] for word in seen) + backoff[before] * rest == pytest.approx(1, abs=1e-4)


def test_a_models_graph_costs_what_the_model_says():
    sentences, single = [["x", "y"], ["x"], ["y", "x", "y"]], Lexicon((("x", ("P",)), ("y", ("Q",))))
    graph = model_graph(bigram_model(sentences, single.words), single)
    scores = np.zeros((12, NUM_STATES), np.float32)
    for frame, state in enumerate((3, 4, 5, 6, 7, 8, 3, 4, 5, 6, 7, 8)):
        scores[frame, state] = 50
    path = best_path(state_graph(graph, lexicon_graph(single), monophones(3), np.full(9, 0.5)), scores, 1000.0)
    assert [single.words[word - 1] for word in path.words] == ["x", "y", "x", "y"]
    p = {"x": 4 / 12, "y": 4 / 12, "</s>": 4 / 12}
    product = (2 + 2 * p["x"]) / 5 * ((2 + 2 * p["y"]) / 5) ** 2 * (1 + 2 * p["x"]) / 5 * (2 + 2 * p["</s>"]) / 5
    silences, moves = 5 * math.log(2), 12 * math.log(2)
    assert path.cost + 12 * 50 == pytest.approx(-math.log(product) + silences + moves, abs=1e-2)
    with pytest.raises(ArgumentError, match="a bigram model needs sentences of its vocabulary"):
        bigram_model([["zed"]], LEXICON.words)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("\\data\\", "data", "ARPA's form: .data., its counts"),
        ("\\end\\", "", "ARPA's form"),
        ("\\2-grams:", "\\3-grams:", "ARPA's form"),
        ("ngram 2=6", "ngram 2=8", "must have 8 2-grams in ARPA's form, got 6 lines"),
        ("\tx y\n", "\tx\n", "must have 6 2-grams in ARPA's form, got '-[0-9.]+ x'"),
        ("\t</s>\n", "\tz\n", "must have the words <s> and </s>"),
        ("-99.000000\t<s>", "0.5\t<s>", "must have 4 1-grams in ARPA's form, got '0.5 <s>"),
        ("-99.000000\t<s>", "never\t<s>", "must have 4 1-grams in ARPA's form, got 'never <s>"),
    ],
)
def test_what_is_no_language_model_is_told_and_the_process_lives(before, after, message):
    arpa = bigram_model([["x", "y"], ["x"], ["y", "x", "y"]], LEXICON.words)
    assert before in arpa
    with pytest.raises(ArgumentError, match=message):
        model_graph(arpa.replace(before, after), LEXICON)
    with pytest.raises(ArgumentError, match="words must not be <eps> or #0, which are marks, got #0"):
        model_graph(arpa, Lexicon((*LEXICON.pronunciations, ("#0", ("P",)))))

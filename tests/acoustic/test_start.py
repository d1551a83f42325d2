"""The start from words alone: states found again, kept, bound to all it depends on; and what is heard with them."""

from dataclasses import replace

import numpy as np
import pytest
from made_speech import LEXICON, made_utterances, true_scores

from limbeck import ArgumentError, DataError
from limbeck.acoustic import (
    Scales,
    StartBudget,
    frame_scores,
    hear,
    lexicon_graph,
    loop_graph,
    monophones,
    priors_of,
    start_from_words,
    state_graph,
    staying_of,
)
from limbeck.acoustic.alignment import even_alignment, flat_start
from limbeck.data.utterances import gathered

for package in ("kaldi_hmm_gmm", "kaldi_decoder", "kaldialign"):
    pytest.importorskip(package)

BUDGET = StartBudget(
    num_states=14, monophone_passes=8, monophone_gaussians=12, triphone_passes=3, triphone_gaussians=14, realign_every=2
)


@pytest.fixture(scope="module")
def made():
    return made_utterances(40)


@pytest.fixture(scope="module")
def started(made, tmp_path_factory):
    utterances, _ = made
    cache = tmp_path_factory.mktemp("cache")
    train, others = utterances.subset(range(30), "train"), utterances.subset(range(30, 40), "others")
    return train, others, cache, start_from_words(train, others, LEXICON, BUDGET, cache=cache)


def test_states_of_frames_are_found_from_words_alone(made, started):
    utterances, truth = made
    _, _, _, start = started
    assert sorted(start.alignments) == list(range(40))
    right = [start.states.roots[start.alignments[each]] == truth[each] for each in utterances.ids]
    assert np.concatenate(right).mean() > 0.95
    assert np.concatenate(right[30:]).mean() > 0.95  # nothing was learned from these


def test_priors_and_staying_are_counts(started):
    train, _, _, start = started
    every = np.concatenate([start.alignments[each] for each in train.ids])
    np.testing.assert_allclose(start.priors, np.bincount(every, minlength=len(start.states)) / len(every), atol=1e-3)
    assert priors_of({0: np.array([0, 0, 0])}, 2).tolist() == [3 / 3.5, 0.5 / 3.5]
    assert staying_of({0: np.array([0, 0, 0, 1]), 1: np.array([0, 1, 1])}, 3).tolist() == pytest.approx(
        [0.5, 1 / 3, 0.5]
    )
    assert staying_of({0: np.array([0] * 1000 + [1])}, 2).tolist() == [0.99, 0.01]


def test_frames_have_their_states_as_labels(started):
    train, others, _, start = started
    labelled = start.labelled(others)
    assert labelled.ids.tolist() == list(range(30, 40))
    expected = np.concatenate([start.alignments[each] for each in others.ids])
    assert np.array_equal(labelled.labels_to_judge().numpy(), expected)
    assert labelled.fingerprint == train.frames.fingerprint


def test_what_was_made_is_kept_and_read(started, monkeypatch):
    train, others, cache, start = started
    monkeypatch.setattr("limbeck.acoustic.start._made", None)  # it would have to be made again
    again = start_from_words(train, others, LEXICON, BUDGET, cache=cache)
    assert again.states == start.states
    assert all(np.array_equal(again.alignments[each], start.alignments[each]) for each in range(40))
    assert np.array_equal(again.staying, start.staying)
    assert np.array_equal(again.priors, start.priors)
    with pytest.raises(TypeError):  # other words, another start
        start_from_words(others, train, LEXICON, BUDGET, cache=cache)


def test_the_same_words_and_frames_end_alike(started):
    train, others, _, start = started
    again = start_from_words(train, others, LEXICON, BUDGET)
    assert again.states == start.states
    assert all(np.array_equal(again.alignments[each], start.alignments[each]) for each in range(40))


def test_words_are_heard_from_scores(made):
    utterances, truth = made
    alignments = dict(enumerate(truth))
    staying = staying_of(alignments, 12)
    graph = state_graph(loop_graph(3), lexicon_graph(LEXICON), monophones(4), staying)
    scores = {each: true_scores(utterances.frames_of(each)) for each in utterances.ids}
    heard = hear(graph, scores, utterances, LEXICON)
    assert heard.total.rate < 0.02
    assert heard.total.num_words == sum(len(words) for words in utterances.transcripts)
    assert heard.seconds > 0
    priors = priors_of(alignments, 12)
    by_bayes = {each: own + np.log(priors) for each, own in scores.items()}
    divided = {each: frame_scores(own, priors, Scales(1.0, 1.0)) for each, own in by_bayes.items()}
    assert hear(graph, divided, utterances, LEXICON).words == heard.words
    np.testing.assert_allclose(divided[0], scores[0], rtol=1e-4, atol=1e-4)


def test_an_utterance_with_no_path_has_no_words(made):
    utterances, _ = made
    first = utterances.subset([0], "one")
    graph = state_graph(loop_graph(3), lexicon_graph(LEXICON), monophones(4), np.full(12, 0.5))
    heard = hear(graph, {0: np.zeros((2, 12), np.float32)}, first, LEXICON)
    assert heard.words == {0: ()}
    assert heard.total.deletions == len(first.transcripts[0])


def test_the_flat_start_is_even(made):
    utterances, _ = made
    found = flat_start(utterances, LEXICON)
    assert len(found[3]) == len(utterances.frames_of(3))
    assert even_alignment([1, 3], 12).tolist() == [0, 0, 1, 1, 2, 2, 6, 6, 7, 7, 8, 8]


def test_what_is_refused_before_anything_is_made(made, monkeypatch):
    monkeypatch.setattr("limbeck.acoustic.start._made", lambda *_: pytest.fail("made"))
    utterances, _ = made
    with pytest.raises(ArgumentError, match="num_states must be a whole number >= 1, got 0"):
        StartBudget(num_states=0)
    with pytest.raises(ArgumentError, match="scales must be acoustic in"):
        Scales(acoustic=0)
    train, others = utterances.subset(range(30), "train"), utterances.subset(range(30, 40), "others")
    with pytest.raises(ArgumentError, match="must be subsets of one source, features normalised alike"):
        start_from_words(train.normalised("all"), others.normalised("all"), LEXICON, BUDGET)
    [said] = utterances.subset([0], "one").spoken()
    more = gathered([*utterances.spoken(), said._replace(key="short", frames=said.frames[:4])], "made")
    sets = (more.subset(range(40), "whole"), more.subset([40], "cut"))
    for train, others in (sets, sets[::-1]):
        with pytest.raises(DataError, match="a frame for each of its 3 states a phone, short has 4"):
            start_from_words(train, others, LEXICON, BUDGET)
    few = replace(BUDGET, num_states=11)
    with pytest.raises(ArgumentError, match="num_states must be >= 12, three a phone, got 11"):
        start_from_words(utterances, utterances, LEXICON, few)
    with pytest.raises(ArgumentError, match="words must be in the lexicon, zed are not"):
        start_from_words(utterances, replace(utterances, transcripts=(("zed",),) * len(utterances)), LEXICON, BUDGET)

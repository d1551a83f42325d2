"""Statistics and trees: sums by hand, the gain by scipy, planted contexts found."""

import numpy as np
import pytest
from scipy.stats import norm

from limbeck import ArgumentError
from limbeck.acoustic import monophones
from limbeck.acoustic.questions import questions_from
from limbeck.acoustic.states import Leaf, Question, leaves, phones_of, tree_from, tree_told
from limbeck.acoustic.statistics import TriphoneStatistics, log_likelihood, triphone_statistics
from limbeck.acoustic.tree import grown
from limbeck.data.utterances import Spoken, gathered


def statistics_of(cells):
    """Statistics of {(before, phone, after, position): frames}."""
    keys = np.array(list(cells))
    values = [np.asarray(own, float) for own in cells.values()]
    return TriphoneStatistics(
        keys[:, :3],
        3 * (keys[:, 1] - 1) + keys[:, 3],
        np.array([len(own) for own in values], float),
        np.stack([own.sum(0) for own in values]),
        np.stack([(own**2).sum(0) for own in values]),
    )


def test_statistics_are_sums_over_the_frames_of_each_state_in_its_context():
    frames = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
    alignment = np.array([3, 3, 4, 5, 6, 7, 7, 7, 8, 8])  # phone 2, then phone 3
    utterances = gathered([Spoken("u", "s", ("w",), frames)], "one")
    found = triphone_statistics(utterances, {0: alignment}, monophones(3))
    assert found.windows.tolist() == [[1, 2, 3]] * 3 + [[2, 3, 1]] * 3
    assert found.roots.tolist() == [3, 4, 5, 6, 7, 8]
    assert found.counts.tolist() == [2, 1, 1, 1, 3, 2]
    np.testing.assert_allclose(found.sums[4], frames[5:8].sum(0), rtol=1e-5)
    np.testing.assert_allclose(found.squares[0], (frames[:2] ** 2).sum(0), rtol=1e-5)


def test_a_phone_that_follows_itself_begins_anew():
    phones, first = phones_of(np.array([0, 1, 2, 2, 0, 0, 1, 2]), monophones(1))
    assert (phones.tolist(), first.tolist()) == ([1, 1], [0, 4])


def test_the_log_likelihood_is_that_of_the_best_gaussian():
    values = np.random.default_rng(1).normal(2, 3, (50, 4))
    expected = norm.logpdf(values, values.mean(0), values.std(0)).sum()
    counts, sums, squares = np.array([50.0, 0]), values.sum(0), (values**2).sum(0)
    found = log_likelihood(counts, np.stack([sums, 0 * sums]), np.stack([squares, 0 * squares]))
    assert found.tolist() == [pytest.approx(expected), 0]


def planted(seed=0):
    """Phone 4's middle state sounds otherwise after phones 2 and 3, and its last one before phone 3."""
    random = np.random.default_rng(seed)
    cells = {}
    for before in (1, 2, 3, 5):
        for after in (1, 2, 3, 5):
            for position in range(3):
                shift = 5 * (position == 1 and before in (2, 3)) + 2 * (position == 2 and after == 3)
                cells[before, 4, after, position] = random.normal(shift, 1, (60, 3))
    return statistics_of(cells)


QUESTIONS = (*(frozenset({phone}) for phone in range(1, 6)), frozenset({2, 3}), frozenset({1, 5}))


def test_planted_contexts_are_asked_for_the_greatest_first():
    one = grown(planted(), QUESTIONS, 5, 16)
    assert isinstance(one.trees[10], Question)
    assert (one.trees[10].side, one.trees[10].phones) in {(0, frozenset({2, 3})), (0, frozenset({1, 5}))}
    assert all(isinstance(tree, Leaf) for place, tree in enumerate(one.trees) if place != 10)
    two = grown(planted(), QUESTIONS, 5, 100)
    assert (two.trees[11].side, two.trees[11].phones) == (1, frozenset({3}))
    assert len(two) == 17  # nothing else gains
    assert two.of(2, 4, 1)[1] == two.of(3, 4, 5)[1] != two.of(1, 4, 1)[1]
    assert two.of(1, 4, 3)[2] != two.of(1, 4, 2)[2]
    assert two.of(0, 4, 0) == two.of(1, 4, 1)


def test_each_state_has_its_number_and_its_tree():
    tied = grown(planted(), QUESTIONS, 5, 100)
    assert sorted(state for tree in tied.trees for state in leaves(tree)) == list(range(len(tied)))
    for place, tree in enumerate(tied.trees):
        assert all(tied.roots[state] == place for state in leaves(tree))
        assert tree_from(tree_told(tree)) == tree


def test_the_gain_is_the_difference_of_three_gaussians():
    """A question is asked where it gains just as much as is asked for, and not where it gains less."""
    random = np.random.default_rng(3)
    yes, no = random.normal(0, 1, (150, 2)), random.normal(0.9, 1, (150, 2))
    found = statistics_of({(2, 4, 1, 1): yes, (3, 4, 1, 1): no})

    def best(values):
        return norm.logpdf(values, values.mean(0), values.std(0)).sum()

    gain = best(yes) + best(no) - best(np.concatenate([yes, no]))
    assert len(grown(found, QUESTIONS, 5, 99, least_gain=gain - 0.01)) == 16
    assert len(grown(found, QUESTIONS, 5, 99, least_gain=gain + 0.01)) == 15
    assert len(grown(found, QUESTIONS, 5, 99, least_gain=1, least_count=151)) == 15


def test_silence_is_not_split_and_there_are_states_for_all():
    random = np.random.default_rng(0)
    cells = {(before, 1, 2, 1): random.normal(5 * (before == 2), 1, (200, 2)) for before in (2, 3)}
    assert len(grown(statistics_of(cells), QUESTIONS, 5, 99)) == 15
    with pytest.raises(ArgumentError, match="num_states must be >= 15, three a phone, got 14"):
        grown(planted(), QUESTIONS, 5, 14)


def test_questions_are_sets_that_sound_alike():
    random = np.random.default_rng(0)
    centres = {1: 0.0, 2: 10.0, 3: 10.5, 4: -20.0}
    cells = {(1, phone, 1, 1): random.normal(at, 0.1, (50, 2)) for phone, at in centres.items()}
    found = questions_from(statistics_of(cells), 5)
    assert found[:5] == tuple(frozenset({phone}) for phone in range(1, 6))
    assert found[5:] == (frozenset({2, 3}), frozenset({1, 2, 3}))

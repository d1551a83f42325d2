"""Word errors: their kinds, their sums, and the bootstrap over speakers."""

import itertools

import numpy as np
import pytest

from limbeck import ArgumentError
from limbeck.acoustic import Share, WordErrors, by_speaker, difference_interval, rate_interval, word_errors

pytest.importorskip("kaldi_hmm_gmm")


def distance(said, heard):
    """The fewest edits, by the table."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (word != other)))
    return row[-1]


def test_errors_are_the_fewest_edits():
    random = np.random.default_rng(0)
    for _ in range(50):
        said, heard = (list(random.choice(["a", "b", "c"], random.integers(1, 8))) for _ in range(2))
        found = word_errors(said, heard)
        assert found.count == distance(said, heard)
        assert len(heard) - len(said) == found.insertions - found.deletions
    assert word_errors(["a", "b"], []) == WordErrors(0, 0, 2, 2)


def test_errors_of_a_speaker_add_up():
    errors = [WordErrors(1, 0, 0, 4), WordErrors(0, 2, 1, 6), WordErrors(0, 0, 0, 5)]
    assert by_speaker(errors, ["b", "a", "b"]) == [WordErrors(0, 2, 1, 6), WordErrors(1, 0, 0, 9)]
    assert (errors[0] + errors[1]).rate == 0.4
    with pytest.raises(ArgumentError, match="one an utterance, got 3 and 1"):
        by_speaker(errors, ["a"])


def test_the_interval_is_that_of_speakers_drawn_again():
    assert WordErrors(1, 2, 0, 10).share == Share(3, 10)
    same = [Share(1, 10)] * 6
    assert rate_interval(same) == (0.1, 0.1)
    apart = [Share(n, 100) for n in (0, 5, 10, 15, 20, 25, 30, 35)]
    low, high = rate_interval(apart)
    error = np.std([each.errors / each.of for each in apart]) / np.sqrt(8)
    assert low == pytest.approx(0.175 - 1.96 * error, abs=0.01)
    assert high == pytest.approx(0.175 + 1.96 * error, abs=0.01)
    worse = [Share(each.errors + 2, 100) for each in apart]
    np.testing.assert_allclose(difference_interval(worse, apart), (0.02, 0.02))
    with pytest.raises(ArgumentError, match="needs two or more, got 1"):
        rate_interval(same[:1])
    with pytest.raises(ArgumentError, match="on the same speakers"):
        difference_interval(same, apart)


def test_who_says_more_counts_for_more():
    """Beside all draws of four speakers written out: a rate is of all words drawn, no mean of the speakers' rates."""
    first = [Share(1, 4), Share(9, 90), Share(20, 60), Share(0, 10)]
    second = [Share(0, 4), Share(12, 90), Share(14, 60), Share(3, 10)]
    draws = list(itertools.product(range(4), repeat=4))
    words = np.array([sum(first[each].of for each in draw) for draw in draws])
    wrong, less = (np.array([sum(own[each].errors for each in draw) for draw in draws]) for own in (first, second))
    for found, rates in (
        (rate_interval(first), wrong / words),
        (difference_interval(first, second), (wrong - less) / words),
    ):
        np.testing.assert_allclose(found, np.quantile(rates, [0.025, 0.975]), atol=0.01)

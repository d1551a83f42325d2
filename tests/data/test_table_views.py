"""Views of tables: functions of (seed, row, number), checked against what they say they do."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from limbeck import ArgumentError, TransferSet
from limbeck.data import Mingle, Noise, WordDropout, neighbours


def rows(count=400, features=6):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 16, (count, features), np.uint8))


def test_noise_moves_a_share_of_the_values_by_its_size_at_most():
    moved = Noise(2, 0.5, 0, 15)(rows(), torch.arange(400), 3)
    apart = moved.int() - rows().int()
    assert moved.dtype == torch.uint8
    assert apart.abs().max() == 2
    assert moved.max() <= 15
    assert 0.34 < (apart != 0).float().mean() < 0.42  # half of them by -2..2, a fifth of these by 0, some clamped
    assert (Noise(2, 0.0)(rows(), torch.arange(400), 3) == rows()).all()


@pytest.mark.parametrize("view", [Noise(2, 0.5), WordDropout(0.5), Mingle(neighbours(rows(), torch.arange(400)))])
def test_a_view_is_a_function_of_row_number_and_seed(view):
    ids = torch.tensor([7, 3, 399])
    whole = view(rows(), torch.arange(400), 1)
    assert (view(rows()[ids], ids, 1) == whole[ids]).all()
    assert (view(rows(), torch.arange(400), 2) != whole).any()
    other = replace(view, seed=1)
    assert (other(rows(), torch.arange(400), 1) != whole).any()
    assert other.spec() != view.spec()


def test_word_dropout_leaves_out_a_share_of_the_words_and_adds_none():
    words = rows()
    dropped = WordDropout(0.3)(words, torch.arange(400), 2)
    assert ((dropped == words) | (dropped == 0)).all()
    assert 0.27 < (dropped == 0)[words != 0].float().mean() < 0.33
    per_place = ((dropped == 0) & (words != 0)).sum(0) / (words != 0).sum(0)
    assert (per_place - 0.3).abs().max() < 0.1  # no place has another share
    assert (WordDropout(0.0)(words, torch.arange(400), 2) == words).all()
    assert (WordDropout(1.0)(words, torch.arange(400), 2) == 0).all()
    nothing = torch.zeros(2, 6, dtype=torch.uint8)
    assert (WordDropout(0.5)(nothing, torch.arange(2), 0) == nothing).all()


def test_mingled_values_come_from_the_row_or_its_neighbour():
    others = neighbours(rows(), torch.arange(400))
    mingled = Mingle(others, 0.5)(rows(), torch.arange(400), 0)
    assert ((mingled == rows()) | (mingled == others)).all()
    differ = rows() != others
    assert 0.4 < (mingled != rows())[differ].float().mean() < 0.6


def test_neighbours_are_the_nearest_other_rows_of_those_named():
    inputs, ids = rows(100), torch.arange(10, 90)
    others = neighbours(inputs, ids)
    wide = inputs.double()
    for row in (10, 55, 89):
        distances = ((wide[ids] - wide[row]) ** 2).sum(1)
        distances[row - 10] = np.inf
        assert ((wide[row] - others[row].double()) ** 2).sum() == distances.min()
    assert (others[:10] == inputs[:10]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Noise(share=1.5), r"share must lie in 0\.\.1, got 1\.5"),
        (lambda: Noise(size=-1), "noise must have a size in 0..2147483647 and lowest <= highest, got -1, 0, 255"),
        (lambda: Noise(size=10**21), "noise must have a size in 0..2147483647 and lowest <= highest, got 10000"),
        (lambda: Mingle(rows(), -0.1), r"share must lie in 0\.\.1, got -0\.1"),
        (lambda: Mingle(rows())(rows()[:, :2], torch.arange(400), 0), "rows must have the others' shape"),
        (lambda: neighbours(rows(), torch.tensor([1])), "neighbours need at least two rows, got 1"),
    ],
)
def test_bad_views_are_refused(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_transfer_set_is_seen_through_them():
    data = TransferSet(rows()).seen_through(Noise(1, 0.5))
    assert (data.at(torch.tensor([5]), 2) == Noise(1, 0.5)(rows()[5:6], torch.tensor([5]), 2)).all()

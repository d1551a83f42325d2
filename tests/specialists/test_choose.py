import re

import numpy as np
import pytest
import torch

from limbeck import ArgumentError
from limbeck.specialists import active_specialists

SETS = [[0, 1], [1, 2], [3]]


def test_those_count_whose_set_meets_the_most_probable_classes():
    probs = torch.tensor([[0.6, 0.3, 0.1, 0.0], [0.1, 0.0, 0.3, 0.6], [0.2, 0.7, 0.1, 0.0]])
    expected = torch.tensor([[True, False, False], [False, False, True], [True, True, False]])
    assert torch.equal(active_specialists(probs, SETS), expected)
    more = torch.tensor([[True, True, False], [False, True, True], [True, True, False]])
    assert torch.equal(active_specialists(probs, SETS, n=2), more)
    assert active_specialists(probs, SETS, n=4).all()


def test_nobody_counts_for_a_class_in_no_set():
    assert not active_specialists(torch.tensor([[0.0, 1.0]]), [[0]]).any()
    assert active_specialists(torch.tensor([[0.0, 1.0]]), []).shape == (1, 0)


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize("n", [0, 5, 1.5, 2.0, True, None, "1"])
def test_n_lies_among_the_classes(n):
    with pytest.raises(ArgumentError, match=re.escape(f"n must be a whole number in 1..4, got {n!r}")):
        active_specialists(torch.ones(1, 4), SETS, n)


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(
    ("given", "got"),
    [
        ([[0.5, 0.5]], "list"),
        (np.ones((1, 4)), "ndarray"),
        (None, "NoneType"),
        (torch.ones(4), "torch.float32 of shape (4,)"),
        (torch.ones(1, 1, 4), "torch.float32 of shape (1, 1, 4)"),
        (torch.ones(1, 4, dtype=torch.bool), "torch.bool of shape (1, 4)"),
    ],
)
def test_what_is_no_batch_is_refused(given, got):
    with pytest.raises(ArgumentError, match=re.escape(f"must be a tensor of numbers (batch, classes), got {got}")):
        active_specialists(given, SETS)


def test_a_row_that_is_no_number_is_refused():
    probs = torch.full((3, 4), 0.25)
    probs[1, 2] = torch.nan
    with pytest.raises(ArgumentError, match="must be numbers, got NaN in row 1"):
        active_specialists(probs, SETS)


def test_sets_are_checked():
    with pytest.raises(ArgumentError, match=re.escape("special set 2 must have classes in 0..2, got 3..3")):
        active_specialists(torch.ones(1, 3), SETS)

import re

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


@pytest.mark.parametrize("n", [0, 5])
def test_n_lies_among_the_classes(n):
    with pytest.raises(ArgumentError, match=re.escape(f"n must lie in 1..4, got {n}")):
        active_specialists(torch.ones(1, 4), SETS, n)


def test_sets_are_checked():
    with pytest.raises(ArgumentError, match=re.escape("special set 2 must have classes in 0..2, got 3..3")):
        active_specialists(torch.ones(1, 3), SETS)

"""Rows that two sets share are counted, whatever their type and however many there are."""

import numpy as np
import pytest
import torch

from limbeck import TransferSet
from limbeck.data import shared_rows
from limbeck.data.shared_rows import num_shared_rows


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.int64])
def test_shared_rows_are_those_of_a_set_of_tuples(dtype, monkeypatch):
    monkeypatch.setattr(shared_rows, "ROWS_AT_ONCE", 7)
    rows = torch.from_numpy(np.random.default_rng(0).integers(0, 3, (60, 2, 2))).to(dtype)
    both = TransferSet(rows)
    seen, held_out = both.subset(torch.arange(40)), both.subset(torch.arange(40, 60))
    known = {tuple(row) for row in rows[:40].flatten(1).tolist()}
    expected = sum(tuple(row) in known for row in rows[40:].flatten(1).tolist())
    assert num_shared_rows(held_out, seen) == expected
    assert 0 < expected < 20

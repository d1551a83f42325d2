"""Parity, against numbers worked by hand."""

import pytest
import torch

from limbeck.errors import ArgumentError, ShipError
from limbeck.ship import check_parity

LOGITS = torch.tensor([[20.0, 0.0], [0.0, 5.0]])


def test_the_tolerance_goes_by_the_largest_logit():
    parity = check_parity(LOGITS, LOGITS + 0.0019)
    assert parity.rows == 2
    assert parity.tolerance == pytest.approx(0.002)
    assert parity.largest_difference == pytest.approx(0.0019, rel=1e-3)
    assert parity.top1_agreement == 1.0
    assert check_parity(LOGITS / 100, LOGITS / 100).tolerance == 1e-4


@pytest.mark.parametrize("off", [0.0021, float("nan"), float("inf")])
def test_more_is_refused(off):
    exported = LOGITS.clone()
    exported[0, 1] += off
    told = r"ONNX Runtime's logits must be PyTorch's within 0\.002, the largest of 2 rows' differences is "
    with pytest.raises(ShipError, match=told):
        check_parity(LOGITS, exported)


def test_another_class_is_refused_where_the_net_is_sure_and_not_where_two_are_equal():
    sure, even = torch.tensor([[1.0, 0.99985]]), torch.tensor([[1.0, 0.99995]])
    assert check_parity(even, even.flip(1)).top1_agreement == 0.0
    with pytest.raises(ShipError, match="1 choose another class"):
        check_parity(sure, torch.tensor([[0.99991, 0.99994]]))


def test_what_is_infinite_on_both_sides_is_the_same():
    masked = torch.tensor([[1.0, float("-inf")]])
    assert check_parity(masked, masked).largest_difference == 0.0
    assert check_parity(masked, masked).tolerance == 1e-4


def test_unequal_shapes_are_refused(shapes_unchecked):
    with pytest.raises(ArgumentError, match=r"must have one shape, got \(2, 2\) and \(2, 1\)"):
        check_parity(LOGITS, LOGITS[:, :1])
    assert check_parity(LOGITS[:, :1], LOGITS[:, :1]).top1_agreement == 1.0

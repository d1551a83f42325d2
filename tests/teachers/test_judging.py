"""Asking a teacher leaves it as it was, and takes nothing but logits."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Ensemble, TransferSet
from limbeck.teachers import predict


def test_judging_leaves_every_mode_as_it_was():
    frozen = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).train()
    frozen[1].eval()
    ensemble = Ensemble([nn.Dropout(0.5).eval(), frozen])
    before = [module.training for module in ensemble.modules()]
    predict(ensemble, TransferSet(torch.ones(4, 2)))
    assert [module.training for module in ensemble.modules()] == before

    def failing(inputs):
        raise ZeroDivisionError

    frozen[0].forward = failing
    with pytest.raises(ArgumentError, match=r"shape \(4, 2\), torch.float32; it raised ZeroDivisionError"):
        predict(frozen, TransferSet(torch.ones(4, 2)))
    assert frozen.training


def test_batches_of_any_size_give_the_same():
    net, data = nn.Linear(2, 3), TransferSet(torch.randn(7, 2))
    found = predict(net, data, batch_size=3)
    assert_close(found, net(data.inputs).detach())
    assert found.dtype == torch.float32


@pytest.mark.parametrize(
    ("output", "told"),
    [(torch.zeros(4), r"\(4,\)"), (torch.zeros(3, 2), r"\(3, 2\)"), (np.zeros((4, 2)), "ndarray"), (None, "NoneType")],
)
def test_refuses_what_is_no_tensor_batch_by_classes(output, told):
    with pytest.raises(
        ArgumentError, match=f"must return logits .batch, classes. for a batch, got {told} for 4 inputs"
    ):
        predict(lambda inputs: output, TransferSet(torch.ones(4, 2)))


@pytest.mark.parametrize(
    ("output", "told"),
    [(torch.zeros(4, 2) + 0j, "torch.complex64, strided"), (torch.ones(4, 2).to_sparse(), "torch.float32, sparse_coo")],
)
def test_refuses_numbers_that_are_not_real_or_not_dense(output, told):
    with pytest.raises(
        ArgumentError, match=f"logits that are real numbers in a dense tensor, got {told}\n\nhint: a spar"
    ):
        predict(lambda inputs: output, TransferSet(torch.ones(4, 2)))


def test_a_net_without_values_is_refused():
    with torch.device("meta"):
        net = nn.BatchNorm1d(2, affine=False)
    with pytest.raises(ArgumentError, match="must hold its weights, BatchNorm1d has 'running_mean' on the meta device"):
        predict(net, TransferSet(torch.ones(4, 2)))

"""Batch normalisation's statistics, measured anew."""

from dataclasses import replace
from pathlib import Path

import pytest
import stopping
import torch
from torch import nn

from limbeck import TransferSet
from limbeck.budget import Budget
from limbeck.models.dropout import Dropout
from limbeck.training import fit
from limbeck.training.statistics import measuring

BUDGET = Budget(epochs=2, batch_size=20, learning_rate=1e-2, precision="32-true", precise_batchnorm=True)


def rows() -> TransferSet:
    inputs = torch.randn(100, 4, generator=torch.Generator().manual_seed(0)) * 3 + 1
    return TransferSet(inputs, (inputs.sum(1) > 4).long())


def net() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(Dropout(0.5), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_statistics_are_plain_means_over_batches_without_dropout() -> None:
    fitted = fit(net(), rows(), budget=BUDGET)
    norm = fitted.net.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm1d)
    inputs = rows().at(torch.arange(100))
    batches = 5  # of 20: every one of the 100 rows once
    assert norm.num_batches_tracked == batches
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, inputs.mean(0))
    within = norm.running_var
    assert within is not None
    assert ((within / inputs.var(0) - 1).abs() < 0.1).all()  # the variance within batches, on the mean
    assert norm.momentum == 0.1
    assert not fitted.net.training


def test_only_statistics_differ_from_a_training_without() -> None:
    measured = fit(net(), rows(), budget=BUDGET).net.state_dict()
    running = fit(net(), rows(), budget=replace(BUDGET, precise_batchnorm=False)).net.state_dict()
    differing = {name for name, value in measured.items() if not torch.equal(value, running[name])}
    assert differing == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}


def test_a_killed_training_measures_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(net(), rows(), budget=BUDGET).net.state_dict()
    with monkeypatch.context() as patch:
        stopping.stop_after(patch, 7)
        with pytest.raises(stopping.Stopped):
            fit(net(), rows(), budget=BUDGET, folder=tmp_path)
    resumed = fit(net(), rows(), budget=BUDGET, folder=tmp_path).net.state_dict()
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_what_keeps_no_statistics_is_left_alone() -> None:
    own = nn.Sequential(nn.BatchNorm1d(4, track_running_stats=False), nn.BatchNorm1d(4, momentum=0.3))
    own[1].running_mean.fill_(7)  # pyright: ignore[reportCallIssue]
    with measuring(own):
        assert not own[0].training
        own(torch.ones(3, 4))
    assert own[0].running_mean is None
    assert torch.equal(own[1].running_mean, torch.zeros(4))  # pyright: ignore[reportArgumentType]
    assert own[1].momentum == 0.3

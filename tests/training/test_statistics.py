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
from limbeck.training import clock, fit
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


def test_a_smaller_last_batch_does_not_weigh_as_much_as_whole_ones() -> None:
    fitted = fit(net(), rows(), budget=replace(BUDGET, batch_size=49))  # 49, 49 and 2
    norm = fitted.net.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.num_batches_tracked == 2
    assert norm.running_mean is not None
    order = rows().drawn(0, BUDGET.epochs)[:98]
    torch.testing.assert_close(norm.running_mean, rows().at(order).mean(0))


def test_a_set_smaller_than_a_batch_is_measured_whole() -> None:
    norm = fit(net(), rows(), budget=replace(BUDGET, batch_size=128)).net.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.num_batches_tracked == 1
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, rows().at(torch.arange(100)).mean(0))


def test_the_best_epochs_net_is_the_one_that_is_measured() -> None:
    stopping_early = replace(BUDGET, epochs=30, learning_rate=1.0, early_stop=1)
    measured = fit(net(), rows(), validation=rows(), budget=stopping_early)
    running = fit(net(), rows(), validation=rows(), budget=replace(stopping_early, precise_batchnorm=False))
    assert len(measured.history) < 30  # it did stop
    assert measured.history == running.history
    own, others = measured.net.state_dict(), running.net.state_dict()
    assert torch.equal(own["2.weight"], others["2.weight"])
    assert own["1.num_batches_tracked"] == 5
    torch.testing.assert_close(own["1.running_mean"], rows().at(torch.arange(100)).mean(0))


def test_runs_of_rows_are_measured_run_by_run() -> None:
    lengths = torch.tensor([30, 10, 20, 25, 15])
    frames = TransferSet(rows().inputs, rows().labels, run_lengths=lengths)
    norm = fit(net(), frames, budget=replace(BUDGET, batch_size=2)).net.get_submodule("1")
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.num_batches_tracked == 2  # of two runs each, whatever their rows; the fifth run is no whole batch
    assert norm.running_mean is not None
    first, second = frames.drawn(0, BUDGET.epochs)[:4].split(2)
    means = [frames.at(ids).mean(0) for ids in (first, second)]
    torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))


def test_a_net_without_batch_normalisation_is_the_same_either_way() -> None:
    nets = []
    for precise in (True, False):
        torch.manual_seed(1)
        plain = nn.Sequential(Dropout(0.5), nn.Linear(4, 2))
        nets.append(fit(plain, rows(), budget=replace(BUDGET, precise_batchnorm=precise)).net.state_dict())
    assert all(torch.equal(value, nets[1][name]) for name, value in nets[0].items())


def test_only_statistics_differ_from_a_training_without() -> None:
    measured = fit(net(), rows(), budget=BUDGET).net.state_dict()
    running = fit(net(), rows(), budget=replace(BUDGET, precise_batchnorm=False)).net.state_dict()
    differing = {name for name, value in measured.items() if not torch.equal(value, running[name])}
    assert differing == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}


def test_a_killed_training_measures_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "CHECKPOINT_EVERY_S", 0.0)
    whole = fit(net(), rows(), budget=BUDGET).net.state_dict()
    with monkeypatch.context() as patch:
        stopping.stop_after(patch, 7)
        with pytest.raises(stopping.Stopped):
            fit(net(), rows(), budget=BUDGET, folder=tmp_path)
    assert (tmp_path / "checkpoint.safetensors").exists()
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

"""What an epoch draws: each example once, or half of every batch from some of them."""

import re

import pytest
import torch

from limbeck import ArgumentError, Budget, TransferSet, fit
from limbeck.data.drawing import ORDER_STREAM
from limbeck.data.philox import permutation
from limbeck.models import MLP
from limbeck.training.loop import _Training

OWN = torch.tensor([30, 3, 17, 8, 12])


def numbers(count=40):
    return TransferSet(torch.arange(count).float()[:, None], torch.arange(count) % 3).subset(torch.arange(2, count))


def test_without_more_each_example_is_drawn_once_in_the_order_of_seed_and_epoch():
    data = numbers()
    for seed, epoch in ((0, 0), (0, 3), (5, 3)):
        order = torch.from_numpy(permutation(seed, ORDER_STREAM, epoch, 38))
        assert torch.equal(data.drawn(seed, epoch), data.ids[order])
    assert sorted(data.drawn(0, 0, window=8).tolist()) == data.ids.tolist()
    assert data.num_drawn == data.num_rows_drawn == 38


def test_half_of_every_batch_is_oversampled_and_the_rest_drawn_anew():
    data = numbers().oversampling(OWN)
    assert data.num_drawn == data.num_rows_drawn == 10
    seen = set()
    for epoch in range(30):
        drawn = data.drawn(0, epoch)
        assert sorted(drawn[::2].tolist()) == sorted(OWN.tolist())
        others = drawn[1::2].tolist()
        assert len(set(others)) == 5
        assert not set(others) & set(OWN.tolist())
        seen |= set(others)
    assert seen == set(data.ids.tolist()) - set(OWN.tolist())  # all others in the end
    assert torch.equal(data.drawn(7, 3), data.drawn(7, 3))
    assert not torch.equal(data.drawn(7, 3), data.drawn(7, 4))
    assert not torch.equal(data.drawn(7, 3), data.drawn(8, 3))


def test_the_loop_trains_on_what_is_drawn(monkeypatch):
    data, read = numbers().oversampling(OWN), []
    own = _Training._read

    def reading(self, ids, number):
        read.append(ids)
        return own(self, ids, number)

    monkeypatch.setattr(_Training, "_read", reading)
    budget = Budget(epochs=2, batch_size=4, precision="32-true")
    fitted = fit(MLP([1, 3]), data, budget=budget, seed=6)
    assert torch.equal(torch.cat(read), torch.cat([data.drawn(6, 0), data.drawn(6, 1)]))
    assert [row["epoch"] for row in fitted.history] == [1, 2]
    assert all(0 < row["loss"] < 100 for row in fitted.history)


def test_a_mixtures_loss_is_the_mean_of_what_it_drew():
    inputs = torch.zeros(12, 1)
    labels = torch.tensor([0] * 2 + [1] * 10)
    data = TransferSet(inputs, labels).oversampling(torch.tensor([0, 1]))
    net = MLP([1, 2])
    with torch.no_grad():
        net.layers[0].weight.zero_()
        net.layers[0].bias.copy_(torch.tensor([1.0, 0.0]))
    log_q = net(inputs[:1]).log_softmax(1)[0].detach()
    fitted = fit(net, data, budget=Budget(1, 4, 1e-9, precision="32-true"))
    assert fitted.history[0]["loss"] == pytest.approx(float(-log_q.mean()), rel=1e-4)


def test_what_is_oversampled_binds_a_training():
    plain, mixed = numbers(), numbers().oversampling(OWN)
    assert mixed.fingerprint == plain.fingerprint
    assert len({each.labels_fingerprint for each in (plain, mixed, numbers().oversampling(OWN[:4]))}) == 3


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ([1], "oversampled examples must be one or more ids of the transfer set"),
        ([], "oversampled examples must be one or more ids of the transfer set"),
        ([3, 3], "oversampled examples must be different single rows, at most half of the transfer set, got 2 of 38"),
        (list(range(2, 22)), "at most half of the transfer set, got 20 of 38"),
    ],
)
def test_what_can_not_be_half_is_refused(own, message):
    with pytest.raises(ArgumentError, match=re.escape(message)):
        numbers().oversampling(torch.tensor(own, dtype=torch.long))


def test_runs_and_windows_are_refused():
    runs = TransferSet(torch.zeros(4, 1), run_lengths=torch.tensor([1, 2, 1]))
    with pytest.raises(ArgumentError, match="single rows, at most half of the transfer set, got 1 of 3 in runs"):
        runs.oversampling(torch.tensor([1]))
    with pytest.raises(ArgumentError, match="shuffle_window must be None where examples are oversampled, got 8"):
        numbers().oversampling(OWN).drawn(0, 0, window=8)

"""Buffers that state_dict leaves out: part of what a net is, and put back by whoever asks it."""

import pytest
import torch
from torch import nn

from limbeck import TransferSet, write_soft_targets
from limbeck.teachers import predict, teacher_fingerprint, weights_fingerprint
from limbeck.teachers.unsaved import put_unsaved, unsaved_buffers, unsaved_put_back


class Shifted(nn.Module):
    """A linear net with a constant that no file holds, a table that grows, one that is filled, and one made late."""

    def __init__(self, shift=0.0, persistent=False):
        super().__init__()
        self.layer = nn.Linear(2, 3)
        nn.init.ones_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.register_buffer("shift", torch.full((2,), shift), persistent=persistent)
        self.register_buffer("grown", torch.zeros(0), persistent=False)
        self.register_buffer("filled", torch.zeros(4), persistent=False)
        self.register_buffer("none", None, persistent=False)

    def forward(self, inputs):
        self.grown = torch.ones(max(len(inputs), len(self.grown)))
        self.filled += 1
        self.none = torch.ones(1)
        if not hasattr(self, "late"):
            self.register_buffer("late", torch.ones(1), persistent=False)
        return self.layer(inputs - self.shift) * self.late


def rows():
    return TransferSet(torch.randn(300, 2, generator=torch.Generator().manual_seed(0)), torch.arange(300) % 3)


@pytest.mark.parametrize("ask", [teacher_fingerprint, weights_fingerprint])
def test_they_count_in_a_fingerprint(ask):
    assert ask(Shifted(1.0)) == ask(Shifted(1.0)) != ask(Shifted(2.0))
    assert unsaved_buffers(Shifted(persistent=True)).keys() == {"grown", "filled"}
    assert unsaved_buffers(nn.Sequential(Shifted())).keys() == {"0.shift", "0.grown", "0.filled"}


def test_a_net_that_was_asked_is_the_net_that_it_was(tmp_path):
    net = Shifted(1.0)
    before, said = teacher_fingerprint(net), predict(net, rows())
    assert teacher_fingerprint(net) == before
    assert net.none is None
    assert not hasattr(net, "late")
    assert torch.equal(predict(net, rows(), batch_size=7), said)
    store = write_soft_targets(net, rows(), tmp_path)
    assert write_soft_targets(net, rows(), tmp_path).fingerprint == store.fingerprint
    assert write_soft_targets(Shifted(1.0), rows(), tmp_path).fingerprint == store.fingerprint


def test_they_are_put_back_where_the_block_fails():
    net = Shifted(1.0)

    def failing():
        with unsaved_put_back(net):
            net(torch.ones(5, 2))
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert torch.equal(net.filled, torch.zeros(4))


def test_one_that_is_kept_under_another_name_is_no_unsaved_buffer():
    net = nn.BatchNorm1d(2)
    net.register_buffer("also", net.running_mean, persistent=False)
    assert unsaved_buffers(net) == {}
    with unsaved_put_back(net):
        net(torch.ones(4, 2))
    assert torch.equal(net.running_mean, torch.full((2,), 0.1))


@pytest.mark.parametrize("make", [lambda: torch.eye(2).to_sparse(), lambda: torch.ones(2, dtype=torch.cfloat).conj()])
def test_they_may_be_sparse_or_conjugated(make):
    net = Shifted()
    put_unsaved(net, {"shift": make()})
    assert teacher_fingerprint(net) != teacher_fingerprint(Shifted())

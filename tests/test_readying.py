"""Anybody's own teacher and student behind their preprocessing."""

import pytest
import torch
from torch import nn

from limbeck.data import TransferSet
from limbeck.errors import ArgumentError
from limbeck.models import Normalised
from limbeck.readying import Preprocessing, ready_teacher
from limbeck.teachers import from_function


def test_preprocessing_lies_where_the_net_does():
    net = nn.Linear(3, 2, device="meta")
    ready = Preprocessing(255, (0.5,), (0.25,)).before(net)
    assert isinstance(ready, Normalised)
    assert {tensor.device.type for tensor in (*ready.parameters(), *ready.buffers())} == {"meta"}
    assert ready(torch.zeros(4, 3, device="meta")).shape == (4, 2)
    assert Preprocessing().before(net) is net


def test_what_has_no_parameters_stays_on_the_cpu():
    ready = Preprocessing(2, (1.0,), (0.5,)).before(nn.Identity())
    assert ready(torch.tensor([[4.0]])).tolist() == [[2.0]]


def test_a_teacher_that_answers_at_random_is_refused():
    train = TransferSet(torch.arange(30.0).reshape(10, 3))
    generator = torch.Generator().manual_seed(0)

    def noisy(size):
        return from_function(lambda rows: rows + size * torch.rand(rows.shape, generator=generator), "it")

    with pytest.raises(ArgumentError, match="must say the same of the same rows, asked twice about 10 its logits"):
        ready_teacher(noisy(0.1), Preprocessing(), train)
    steady = noisy(1e-6)
    assert ready_teacher(steady, Preprocessing(), train) is steady, "rounding is no chance"

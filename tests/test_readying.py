"""Anybody's own teacher and student behind their preprocessing."""

import torch
from torch import nn

from limbeck.models import Normalised
from limbeck.readying import Preprocessing


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

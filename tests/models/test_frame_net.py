"""Nets over spliced frames: their layers, and that eight of them learn."""

import pytest
import torch
from torch import nn

from limbeck import ArgumentError
from limbeck.models import FrameNet


def test_each_hidden_layer_normalises_its_batch():
    torch.manual_seed(0)
    net = FrameNet([6, 16, 8, 4])
    inputs = torch.randn(64, 3, 2) * 5 + 2
    assert net(inputs).shape == (64, 4)
    hidden = net.layers[:3](inputs)
    torch.testing.assert_close(hidden.mean(0), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(hidden.var(0, unbiased=False), torch.ones(16), atol=1e-2, rtol=0)
    assert [type(layer) for layer in net.layers[1:4]] == [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert net.layers[1].bias is None


def test_signals_pass_eight_layers_at_the_start():
    torch.manual_seed(0)
    logits = FrameNet([20, *[64] * 8, 10])(torch.randn(256, 4, 5))
    assert 0.2 < logits.std() < 2


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="widths must be two or more numbers in 1..1000000, got \\[3\\]"):
        FrameNet([3])

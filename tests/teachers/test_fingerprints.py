"""Fingerprints tell teachers apart."""

import torch
from torch import nn

from limbeck import Ensemble
from limbeck.teachers import teacher_fingerprint, weights_fingerprint


def test_fingerprint_tells_layers_ensembles_and_callables_apart():
    layer = nn.Linear(2, 2)
    prints = {
        teacher_fingerprint(teacher)
        for teacher in (
            nn.Sequential(layer, nn.ReLU()),
            nn.Sequential(layer, nn.Tanh()),
            Ensemble([layer, layer]),
            Ensemble([layer, layer], "geometric"),
            Ensemble([layer, layer], weights=[1, 2]),
        )
    }
    assert len(prints) == 5


def test_fingerprint_sees_values_and_names():
    net = nn.Linear(2, 2)
    before = weights_fingerprint(net)
    assert weights_fingerprint(net) == before
    with torch.no_grad():
        net.bias[0] += 1
    assert weights_fingerprint(net) != before

"""Fingerprints tell teachers apart."""

import pytest
import torch
from torch import nn

from limbeck import Ensemble
from limbeck.models import MLP
from limbeck.teachers import described, teacher_fingerprint, weights_fingerprint


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


class Bent(nn.Module):
    """A net whose answers hang on what no weight tells."""

    def __init__(self, power: object = 1.0, bend: object = None) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.power, self.bend = power, bend

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.layer(inputs)


class Straight(Bent):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return -self.layer(inputs)


def scaled(by: float):
    return lambda values: values * by


def same_start(make) -> str:
    torch.manual_seed(0)
    return teacher_fingerprint(make())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: Bent(1.0), lambda: Bent(2.0)),
        (lambda: Bent("mean"), lambda: Bent("sum")),
        (lambda: Bent((1, [2])), lambda: Bent((1, [3]))),
        (lambda: Bent({"a": 1}), lambda: Bent({"a": 2})),
        (lambda: Bent(bend=torch.relu), lambda: Bent(bend=torch.tanh)),
        (lambda: Bent(bend=lambda v: v + 1), lambda: Bent(bend=lambda v: v + 2)),
        (lambda: Bent(bend=scaled(1)), lambda: Bent(bend=scaled(2))),
        (lambda: nn.TransformerEncoderLayer(4, 2, 4), lambda: nn.TransformerEncoderLayer(4, 2, 4, norm_first=True)),
    ],
)
def test_fingerprint_sees_what_a_module_holds_beside_its_weights(one, other):
    assert same_start(one) == same_start(one)
    assert same_start(one) != same_start(other)


def test_description_tells_what_a_module_computes():
    assert described(Bent()).replace("Bent", "") != described(Straight()).replace("Straight", "")


def test_description_of_own_nets_is_their_repr():
    net = MLP([2, 3, 2], dropout=0.5)
    assert described(net) == repr(net)


def test_sets_are_told_in_one_order():
    one, other = {0, 8}, {8, 0}  # they collide, so that each keeps its own order
    assert list(one) != list(other)
    assert described(Bent(one)) == described(Bent(other))

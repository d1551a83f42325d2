"""Fingerprints tell teachers apart."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pytest
import torch
from torch import nn

from limbeck import Ensemble, TransferSet
from limbeck.errors import ArgumentError
from limbeck.models import MLP, VGG
from limbeck.teachers import described, from_function, predict, teacher_fingerprint, weights_fingerprint


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


def counting(values):
    return counting(values) if values else 0


def keyword(by: float):
    def bend(values, *, factor=by):
        return values * factor

    return bend


class Colour(Enum):
    RED = 1
    BLUE = 2


@dataclass
class Settings:
    width: int
    mode: str = "mean"


class Plain4(nn.Linear):
    features = 0


def with_features(features):
    layer = Plain4(4, 2)
    layer.features = features
    return layer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda: nn.AvgPool2d(2), lambda: nn.AvgPool2d(2, count_include_pad=False)),
        (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), lambda: nn.Upsample(None, 2, "bilinear", True)),
        (lambda: nn.CosineSimilarity(0), lambda: nn.CosineSimilarity(1)),
        (lambda: Bent(bend=keyword(1)), lambda: Bent(bend=keyword(2))),
        (lambda: Bent(np.int64(1)), lambda: Bent(np.int64(2))),
        (lambda: Bent(Colour.RED), lambda: Bent(Colour.BLUE)),
        (lambda: Bent(Settings(1)), lambda: Bent(Settings(2))),
        (lambda: Bent(range(2)), lambda: Bent(range(3))),
        (lambda: Bent(torch.float32), lambda: Bent(torch.float64)),
        (lambda: with_features(4), lambda: with_features(2)),
        (lambda: torch.fx.symbolic_trace(Bent()), lambda: torch.fx.symbolic_trace(Straight())),
        (lambda: torch.jit.trace(Bent(), torch.ones(1, 2)), lambda: torch.jit.trace(Straight(), torch.ones(1, 2))),
    ],
)
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_nets_of_many_kinds_are_told_apart(one, other):
    torch.manual_seed(0)
    first = described(one())
    torch.manual_seed(0)
    assert described(one()) == first
    torch.manual_seed(0)
    assert described(other()) != first


def test_what_holds_itself_is_told():
    own: list[object] = [1]
    own.append(own)
    table: dict[str, object] = {}
    table["self"] = table

    def again(values):
        return again(values)

    for value in (own, table, again, counting):
        assert described(Bent(bend=value)) == described(Bent(bend=value))


def test_a_cell_that_is_empty_yet_is_told():
    def make():
        def ask():
            return later

        found = described(Bent(bend=ask))
        later = 1
        return found, later

    assert ".bend=" in make()[0]


def test_keys_are_told_as_values_are():
    table = {torch.relu: 1, keyword(1): 2}
    assert "0x" not in described(Bent(table))


def test_description_of_own_nets_is_their_repr_and_the_shape_they_take():
    net = MLP([2, 3, 2], dropout=0.5)
    assert described(net) == repr(net)
    images = VGG(((2,),), 3, channels=1, size=4)
    assert described(images) == f"{images!r}\n.image_shape=['1', '4', '4']"


def test_sets_are_told_in_one_order():
    one, other = {0, 8}, {8, 0}  # they collide, so that each keeps its own order
    assert list(one) != list(other)
    assert described(Bent(one)) == described(Bent(other))


class Noted(nn.Linear):
    """Its state has a note in it that is no tensor."""

    def __init__(self):
        super().__init__(2, 3)

    def get_extra_state(self):
        return {"note": 1}

    def set_extra_state(self, state):
        pass


def test_a_state_that_is_no_tensor_is_refused_in_words():
    with pytest.raises(ArgumentError, match="a net's state must be tensors, of Noted '_extra_state' is a dict"):
        teacher_fingerprint(Noted())
    rows = TransferSet(torch.ones(4, 2))
    assert predict(from_function(Noted(), "noted, 1"), rows).shape == (4, 3)


def frozen(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(2, 3)).eval()
    return net, torch.jit.freeze(torch.jit.script(net))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_weights_that_are_frozen_into_code_are_seen():
    (net, one), (_, same), (_, other) = frozen(0), frozen(0), frozen(1)
    assert teacher_fingerprint(one) == teacher_fingerprint(same) != teacher_fingerprint(other)
    rows = TransferSet(torch.ones(4, 2))
    assert torch.equal(predict(one, rows), predict(net, rows))


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*quantize_per_tensor")
@pytest.mark.parametrize("freeze", [False, True])
def test_weights_that_are_packed_are_refused_in_words(freeze):
    net = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(2, 3)).eval(), {nn.Linear}, torch.qint8)
    scripted = torch.jit.script(net)
    with pytest.raises(ArgumentError, match="a net's state must be tensors, of RecursiveScriptModule .* is packed"):
        teacher_fingerprint(torch.jit.freeze(scripted) if freeze else scripted)

"""What a net's own modules do is told: what is edited anywhere on a forward's way makes it another net."""

import functools

import pytest
import torch
from torch import nn

from limbeck.models import MLP
from limbeck.teachers import own_code, teacher_fingerprint
from limbeck.teachers.code import forwards

SOURCE = """
SCALE = 2.0
_calls, asked = 0, 0


def bent(values):
    return deeper(values) * SCALE


def deeper(values):
    return torch.relu(values)


def doubled(forward):
    def again(self, inputs):
        return forward(self, forward(self, inputs))

    return again


class Base(nn.Module):
    power = 1

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    @property
    def shift(self):
        return 1

    @staticmethod
    def last(values):
        return values + 3

    def forward(self, inputs):
        global _calls, asked
        _calls, asked = _calls + 1, asked + 1
        return self.last(bent(self.layer(inputs)) ** self.power + self.shift)

    def unused(self):
        return 4


class Net(Base):
    @doubled
    def forward(self, inputs):
        return super().forward(inputs + 5)
"""


def net_of(source):
    names = {"nn": nn, "torch": torch, "__name__": "own"}
    exec(source, names)
    torch.manual_seed(0)
    return names["Net"]()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("inputs + 5", "inputs + 6"),
        ("+ self.shift", "- self.shift"),
        ("return 1", "return 2"),
        ("values + 3", "values + 4"),
        ("power = 1", "power = 2"),
        ("deeper(values) *", "deeper(values) /"),
        ("torch.relu", "torch.sin"),
        ("SCALE = 2.0", "SCALE = 3.0"),
        ("forward(self, forward(self, inputs))", "forward(self, inputs)"),
    ],
)
def test_an_edit_on_the_way_of_a_forward_makes_another_net(old, new):
    assert SOURCE.count(old) == 1
    net, edited = net_of(SOURCE), net_of(SOURCE.replace(old, new))
    assert own_code(net) == own_code(net_of(SOURCE))
    assert own_code(net) != own_code(edited)
    assert own_code(nn.Sequential(net)) != own_code(nn.Sequential(edited))
    assert teacher_fingerprint(net) != teacher_fingerprint(edited)


@pytest.mark.parametrize(
    ("old", "new"),
    [("return 4", "return 5"), ("return 4", "return 4  # words"), ("_calls, asked = 0, 0", "_calls, asked = 7, 7")],
)
def test_an_edit_beside_its_way_does_not(old, new):
    assert SOURCE.count(old) == 1
    assert teacher_fingerprint(net_of(SOURCE)) == teacher_fingerprint(net_of(SOURCE.replace(old, new)))


def test_a_net_that_has_been_asked_is_the_same():
    net = net_of(SOURCE)
    before = teacher_fingerprint(net)
    net(torch.zeros(1, 2))
    assert teacher_fingerprint(net) == before


def test_modules_of_libraries_have_no_code_of_ones_own():
    assert forwards(MLP([2, 3, 2])) == []
    assert forwards(nn.Sequential(nn.Linear(2, 2))) == []
    assert own_code(MLP([2, 3, 2])) == {}


class Installed(nn.Module):
    @functools.lru_cache  # noqa: B019
    def kept(self):
        return 1

    @torch.no_grad()
    def forward(self, inputs):
        def again(count):
            return again(count - 1) if count else inputs

        return functools.reduce(torch.add, [again(2), nn.functional.relu(inputs)]) + self.kept()


def test_what_is_installed_is_told_by_name_alone():
    told = "\n".join(forwards(Installed()))
    assert "Installed.forward" in told
    assert "Installed.kept Installed.kept" in told
    assert "0x" not in told

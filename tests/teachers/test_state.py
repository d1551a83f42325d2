"""The fingerprint of a state sees what counts, and nothing else."""

import threading
from collections import OrderedDict, deque
from functools import partial

import numpy as np
import pytest

from limbeck import ArgumentError
from limbeck.teachers.state import state_fingerprint


class Held:
    def __init__(self, **parts):
        self.__dict__.update(parts)


class Slotted:
    __slots__ = ("part",)

    def __init__(self, part):
        self.part = part


class Told(dict):
    def __init__(self, items, part):
        super().__init__(items)
        self.part = part


def adding(number):
    return lambda value: value + number


DIFFERENT = [
    None,
    False,
    0,
    0.0,
    "0",
    b"0",
    [0],
    (0,),
    [[0], []],
    [[], [0]],
    [[0, 1]],
    [[0], 1],
    deque([0]),
    deque([1]),
    Told({0: 1}, 1),
    Told({0: 1}, 2),
    Told({1: 1}, 1),
    {0: 1},
    {1: 0},
    {0},
    np.zeros(1),
    np.zeros((1, 1)),
    np.zeros(1, np.float32),
    np.array([0], object),
    np.array([[0]], object),
    np.array(["0"], object),
    Held(part=0),
    Held(part=1),
    Held(other=0),
    Slotted(0),
    Slotted(1),
    Held,
    Slotted,
    adding(1),
    adding(2),
    lambda value: value * 1,
    lambda value: value + 1,
    partial(np.clip, a_min=0),
    partial(np.clip, a_min=1),
    np.clip,
    np.add,
    np.exp,
    len,
    np.random.RandomState(0),
    np.random.RandomState(1),
    np.random.default_rng(0),
    np.random.default_rng(1),
    np.ma.MaskedArray([0.0], [True]),
    np.ma.MaskedArray([0.0], [False]),
]


def test_what_differs_is_told_apart():
    prints = [state_fingerprint(value) for value in DIFFERENT]
    assert len(set(prints)) == len(DIFFERENT)
    assert prints == [state_fingerprint(value) for value in DIFFERENT]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (OrderedDict(a=1, b=2), OrderedDict(b=2, a=1)),
        ({0, 8}, {8, 0}),
        (np.zeros((2, 3)).T, np.zeros((3, 2))),
        (Held(part=1, n_jobs=1, verbose=0, cv_results_=[1], refit_time_=2), Held(part=1, n_jobs=2, cv_results_=[3])),
    ],
)
def test_what_is_the_same_is_told_the_same(one, other):
    assert state_fingerprint(one) == state_fingerprint(other)


def test_padding_is_not_seen():
    kind = np.dtype([("flag", np.uint8), ("value", np.float64)], align=True)
    one, other = (np.full(4 * kind.itemsize, fill, np.uint8).view(kind) for fill in (0, 255))
    for array in (one, other):
        array["flag"], array["value"] = 1, 2.5
    assert one.tobytes() != other.tobytes()
    assert state_fingerprint(one) == state_fingerprint(other)
    other["flag"][3] = 0
    assert state_fingerprint(one) != state_fingerprint(other)


def test_what_holds_itself_has_an_end():
    loop, other = Held(part=1), Held(part=2)
    for held in (loop, other):
        held.me = held
    assert state_fingerprint(loop) != state_fingerprint(other)


def test_refuses_what_has_no_state():
    message = r"must be plain values all through, that of Held is not: cannot pickle .*\n\nhint: .* from_function"
    with pytest.raises(ArgumentError, match=message):
        state_fingerprint(Held(lock=threading.Lock()))

"""Nets whose start is a function of a seed, whichever of three generators they draw from."""

import random

import numpy as np
import pytest
import torch
from torch import nn

from limbeck.errors import ArgumentError
from limbeck.teachers import check_maker, seeded, weights_fingerprint


def drawing(draw):
    def make():
        net = nn.Linear(2, 2)
        net.bias.data[0] = draw()
        return net

    return make


DRAWS = {
    "torch": lambda: torch.rand(()).item(),
    "numpy": np.random.rand,
    "python": random.random,
}


@pytest.mark.usefixtures("shapes_unchecked")  # what checks shapes draws from Python's random numbers
@pytest.mark.parametrize("name", DRAWS)
def test_a_start_is_a_function_of_the_seed(name):
    draw, make = DRAWS[name], drawing(DRAWS[name])
    first, second, other = (weights_fingerprint(seeded(make, seed)) for seed in (3, 3, 4))
    assert first == second != other
    assert check_maker(make, "it")(torch.zeros(1, 2)).shape == (1, 2)
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    undisturbed = [draw(), draw()]
    for seed in (torch.manual_seed, np.random.seed, random.seed):
        seed(7)
    assert [draw(), (seeded(make, 3), draw())[1]] == undisturbed


def test_a_net_that_starts_otherwise_each_time_is_refused():
    generator = np.random.default_rng()
    with pytest.raises(ArgumentError, match="my:net must start the same each time it is made from a seed, two that"):
        check_maker(drawing(generator.random), "my:net")


def test_nets_that_share_weights_are_refused():
    net = nn.Linear(2, 2)
    for make in (lambda: net, lambda: nn.Sequential(net)):
        with pytest.raises(ArgumentError, match="my:net must be a new net each time it is made, two that were made sh"):
            check_maker(make, "my:net")
    net.requires_grad_(False)
    assert len(list(check_maker(lambda: nn.Sequential(net, nn.Linear(2, 2)), "it").children())) == 2


def test_a_net_whose_layers_have_no_shape_yet_is_refused():
    with pytest.raises(
        ArgumentError, match=r"Sequential has '0.weight' in a layer that has not been asked yet\n\nhint:"
    ):
        check_maker(lambda: nn.Sequential(nn.LazyLinear(4)), "it")

    def asked():
        net = nn.Sequential(nn.LazyLinear(4))
        net(torch.zeros(1, 2))
        return net

    assert check_maker(asked, "it")[0].weight.shape == (4, 2)

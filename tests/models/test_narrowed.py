"""Narrower copies of nets: which widths they have, what they still do, and what can't be narrowed."""

import pytest
import torch
from torch import nn
from torch.nn.functional import relu

from limbeck import ArgumentError
from limbeck.models import MLP, VGG, Normalised, ResNet, WideResNet
from limbeck.models.narrowed import fresh, narrowed


class Residual(nn.Module):
    """A user's net: functional activations and flatten, a residual sum, layer norms, layers used twice."""

    def __init__(self, width=60, features=12):
        super().__init__()
        self.first, self.again = nn.Linear(features, width), nn.Linear(width, width)
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, rows):
        hidden = relu(self.first(rows))
        for _ in range(2):
            hidden = hidden + relu(self.again(self.norm(hidden)))
        return self.head(input=hidden)


class Mobile(nn.Module):
    """Depthwise and grouped convolutions, concatenation, group norm, flatten in forward."""

    def __init__(self):
        super().__init__()
        self.stem, self.deep = nn.Conv2d(3, 64, 3, 2, 1, bias=False), nn.Conv2d(64, 128, 3, padding=1, groups=64)
        self.grouped, self.point = nn.Conv2d(128, 128, 1, groups=2), nn.Conv2d(128, 64, 1)
        self.norm, self.by_channel = nn.GroupNorm(4, 128), nn.PReLU(128)
        self.batch, self.head = nn.BatchNorm2d(128), nn.Linear(128 * 4 * 4, 5)

    def forward(self, images):
        stem = self.stem(images)
        hidden = self.norm(self.by_channel(self.grouped(self.deep(stem))))
        return self.head(torch.flatten(self.batch(torch.cat([self.point(hidden), stem], 1)), 1))


class OnInputs(nn.Module):
    """A residual sum with the inputs themselves, whose width can't change."""

    def __init__(self):
        super().__init__()
        self.wide, self.back, self.head = nn.Linear(12, 200), nn.Linear(200, 12), nn.Linear(12, 5)

    def forward(self, rows):
        return self.head(rows + self.back(relu(self.wide(rows))))


NETS = [
    (lambda: MLP([12, 100, 100, 5]), (12,)),
    (lambda: Normalised(MLP([12, 100, 100, 5]), 3.0, [0.5] * 12, 2.0), (12,)),
    (lambda: VGG(((16,), (32,)), 5, size=8), (3, 8, 8)),
    (lambda: ResNet(8, classes=5), (3, 8, 8)),
    (lambda: WideResNet(10, 1, classes=5), (3, 8, 8)),
    (Residual, (12,)),
    (Mobile, (3, 8, 8)),
    (OnInputs, (12,)),
    (lambda: nn.Sequential(nn.Conv1d(2, 40, 3), nn.BatchNorm1d(40), nn.Flatten(), nn.Linear(400, 5)), (2, 12)),
]


@pytest.mark.parametrize(("make", "shape"), NETS)
def test_a_narrowed_net_has_a_tenth_of_the_parameters_and_learns(make, shape):
    teacher, rows = make(), torch.rand(2, *shape)
    before = {name: each.clone() for name, each in teacher.state_dict().items()}
    found = narrowed(teacher, rows)
    count = sum(each.numel() for each in found.net.parameters())
    assert count == found.parameters
    assert found.teacher_parameters == sum(each.numel() for each in teacher.parameters())
    assert 0.05 <= count / found.teacher_parameters <= 0.1
    logits = found.net(torch.rand(7, *shape))
    assert logits.shape == (7, 5)
    logits.square().sum().backward()
    assert all(each.grad is not None and each.requires_grad for each in found.net.parameters())
    after = teacher.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not any(module._forward_pre_hooks for module in [*teacher.modules(), *found.net.modules()])


def test_widths_that_were_equal_stay_equal_and_are_told():
    found = narrowed(Residual(), torch.rand(2, 12))
    width = found.net.again.out_features
    assert (found.net.first.out_features, found.net.again.in_features, found.net.norm.normalized_shape) == (
        width,
        width,
        (width,),
    )
    assert width == round(60 * found.factor)
    told = list(found.told())
    assert told[0] == (
        f"a student is proposed: the teacher with its layers {found.factor:.2f} times as wide, freshly initialised, "
        f"{found.parameters} parameters where the teacher has {found.teacher_parameters:,}"
    )
    assert told[1:] == [
        f"  first  12 → 60 becomes 12 → {width}",
        f"  again  60 → 60 becomes {width} → {width}",
        f"  head   60 → 5 becomes {width} → 5",
    ]


def test_groups_keep_their_pattern():
    net = narrowed(Mobile(), torch.rand(2, 3, 8, 8)).net
    stem = net.stem.out_channels
    assert (net.deep.groups, net.deep.out_channels) == (stem, 2 * stem)
    assert (net.grouped.groups, net.norm.num_groups) == (2, 4)
    assert net.grouped.out_channels % 4 == 0
    assert net.by_channel.num_parameters == net.grouped.out_channels
    assert net.batch.num_features == net.point.out_channels + stem


def test_what_takes_the_inputs_width_keeps_it():
    net = narrowed(OnInputs(), torch.rand(2, 12)).net
    assert (net.back.out_features, net.head.in_features) == (12, 12)


def test_the_smallest_net_stands_where_none_is_small_enough():
    found = narrowed(MLP([12, 2, 5]), torch.rand(2, 12))
    assert found.net.layers[0].out_features == 1
    assert found.parameters > 0.1 * found.teacher_parameters


def test_many_layers_are_told_in_part():
    net = nn.Sequential(nn.Flatten(), *(nn.Linear(12, 12) for _ in range(30)))
    assert list(narrowed(net, torch.rand(2, 12)).told())[-1] == "  and 10 more layers"


def test_a_fresh_net_is_a_function_of_the_random_numbers():
    net = narrowed(VGG(((16,), (32,)), 5, size=8), torch.rand(2, 3, 8, 8)).net
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(fresh(net).state_dict())
    assert all(torch.equal(made[0][name], made[1][name]) for name in made[0])
    assert not torch.equal(made[0]["layers.0.weight"], made[2]["layers.0.weight"])
    assert torch.equal(made[0]["layers.1.running_var"], torch.ones(len(made[0]["layers.1.running_var"])))


class WithToken(nn.Linear):
    def __init__(self):
        super().__init__(12, 5)
        self.token = nn.Parameter(torch.zeros(12))


class Fixed(nn.Module):
    """Its forward knows its widths."""

    def __init__(self):
        super().__init__()
        self.first, self.head = nn.Linear(12, 60), nn.Linear(60, 5)

    def forward(self, rows):
        return self.head(self.first(rows).view(-1, 60))


class Split(Fixed):
    def forward(self, rows):
        return self.head(self.first(rows)[:, :60] + torch.ones(60))


class Tied(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Linear(12, 12), nn.Linear(12, 12), nn.Linear(12, 5))
        self[1].weight = self[0].weight


class Attentive(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(12, 2), nn.Linear(12, 5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (WithToken, "the net is a WithToken with bias, token, weight of its own"),
        (Attentive, "attention is a MultiheadAttention with in_proj_bias, in_proj_weight of its own"),
        (lambda: nn.Sequential(nn.LSTM(12, 5)), "0 is a LSTM with bias_hh_l0"),
        (
            lambda: nn.utils.parametrizations.weight_norm(nn.Linear(12, 5)),
            "is a ParametrizedLinear with bias of its own",
        ),
        (Fixed, r"the teacher fails with narrower layers: RuntimeError: |narrower layers the teacher gives \(\d+, 5\)"),
        (Split, "the teacher fails with narrower layers: RuntimeError: The size of tensor a"),
        (Tied, "layers of the teacher share their weights"),
        (nn.Flatten, "the teacher has no layer to narrow"),
    ],
)
def test_what_cannot_be_narrowed_is_said_in_one_message(make, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        narrowed(make(), torch.rand(2, 12))
    assert caught.value.hint == "name a student of your own: --student module:callable"

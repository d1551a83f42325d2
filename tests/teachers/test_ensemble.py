"""Ensembles: both means against their definitions, and the equivalence the docs state."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Ensemble, distillation_loss
from limbeck.teachers import mean_logits


def members(count=3):
    return 3 * torch.randn(count, 6, 5, generator=torch.Generator().manual_seed(0))


def test_arithmetic_mean_is_the_mean_of_the_distributions():
    z = members()
    for temperature in (1.0, 7.0):
        found = (mean_logits(z, temperature) / temperature).softmax(-1)
        assert_close(found, (z / temperature).softmax(-1).mean(0))


def test_geometric_mean_is_the_mean_of_the_logits():
    z = members()
    product = z.softmax(-1).prod(0) ** (1 / 3)
    assert_close(mean_logits(z, 1.0, "geometric").softmax(-1), product / product.sum(-1, keepdim=True))


def test_weights_are_relative_and_zero_leaves_a_member_out():
    z = members()
    assert_close(mean_logits(z, 2.0, weights=[2, 2, 0]), mean_logits(z[:2], 2.0))
    assert_close(mean_logits(z, 2.0, "geometric", [3, 1, 0]), 0.75 * z[0] + 0.25 * z[1])


@pytest.mark.parametrize("weights", [[1e-50, 1e-50], [1e308, 1e308]])
def test_weights_of_any_size_count(weights):
    z = members(2)
    assert_close(mean_logits(z, 1.0, weights=weights), mean_logits(z, 1.0))


def test_one_member_is_itself():
    assert_close(mean_logits(members(1), 3.0), members(1)[0], rtol=0, atol=0)


def test_extreme_members_stay_finite():
    z = torch.tensor([[[0.0, -1e4]], [[0.0, -2e4]]])
    assert_close(mean_logits(z, 1.0), torch.tensor([[0.0, -1e4 - 0.6931]]))


def test_summing_the_members_losses_has_the_arithmetic_means_gradient():
    z, v = torch.randn(6, 5), members()
    one, each = z.clone().requires_grad_(), z.clone().requires_grad_()
    distillation_loss(one, mean_logits(v, 4.0)).sum().backward()
    (sum(distillation_loss(each, member).sum() for member in v) / 3).backward()
    assert_close(one.grad, each.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_an_ensemble_is_a_teacher(mean):
    nets = [nn.Linear(4, 3) for _ in range(2)]
    x = torch.randn(5, 4)
    expected = mean_logits(torch.stack([net(x) for net in nets]), 1.0, mean)
    ensemble = Ensemble(nets, mean)
    assert_close(ensemble(x), expected)
    assert len(list(ensemble.parameters())) == 4


@pytest.mark.usefixtures("shapes_unchecked")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "at least one teacher, got none"),
        (([nn.Identity()], "harmonic"), "mean must be 'arithmetic' or 'geometric', got 'harmonic'"),
        (([nn.Identity()] * 2, "arithmetic", [1.0]), r"weights must be 2 numbers >= 0, not all 0, got \[1.0\]"),
        (([nn.Identity()] * 2, "arithmetic", [1.0, -1.0]), "weights must be 2 numbers"),
        (([nn.Identity()] * 2, "arithmetic", [0.0, 0.0]), "weights must be 2 numbers"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Ensemble(*arguments)


def test_a_member_of_weight_zero_may_mask_a_class():
    z = torch.tensor([[[1.0, 2.0]], [[0.0, -torch.inf]]])
    for mean in ("arithmetic", "geometric"):
        assert_close(mean_logits(z, 1.0, mean, [1, 0]).softmax(-1), z[0].softmax(-1))


class Normalising(nn.Module):
    def forward(self, inputs):
        return inputs.sub_(0.5).div_(0.25)


def test_a_member_that_changes_its_inputs_leaves_the_others_theirs():
    first, second, x = Normalising(), nn.Identity(), torch.rand(3, 4)
    asked = x.clone()
    assert_close(Ensemble([first, second], "geometric")(asked), ((x - 0.5) / 0.25 + x) / 2)
    assert torch.equal(asked, x)

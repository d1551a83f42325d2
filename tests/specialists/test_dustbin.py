"""The dustbin against a toy whose Bayes answer is known, and specialists against the generalist they start from."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, combine
from limbeck.models import MLP
from limbeck.specialists import (
    corrected,
    dustbin_correction,
    folded_labels,
    folded_logits,
    specialist_from,
    specialist_head,
)

SET = [3, 1]
JOINT = torch.from_numpy(np.random.default_rng(0).dirichlet(np.full(30, 0.5)).reshape(6, 5))  # of 6 inputs, 5 classes
JOINT[:, SET] /= 5  # rarer than the others
JOINT /= JOINT.sum()
BAYES = JOINT / JOINT.sum(1, keepdim=True)
SPECIAL_SHARE = float(JOINT[:, SET].sum())


def fitted(batch_share):
    """Train a specialist of the toy, a table of logits, on its mixture: each input and class as often as due."""
    seen = torch.cat([JOINT[:, SET], JOINT.sum(1, keepdim=True) - JOINT[:, SET].sum(1, keepdim=True)], 1)
    factors = [batch_share / SPECIAL_SHARE] * 2 + [(1 - batch_share) / (1 - SPECIAL_SHARE)]
    seen = seen * torch.tensor(factors, dtype=torch.float64)
    assert_close(float(seen.sum()), 1.0)
    logits = torch.zeros(6, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, tolerance_change=0)

    def loss():
        optimizer.zero_grad()
        value = -(seen * logits.log_softmax(1)).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return logits.detach()


def folded_bayes():
    inside = BAYES[:, SET]
    return torch.cat([inside, 1 - inside.sum(1, keepdim=True)], 1)


@pytest.mark.parametrize("batch_share", [0.5, 0.8])
def test_the_correction_makes_a_specialist_bayes(batch_share):
    logits = fitted(batch_share)
    assert (logits.softmax(1) - folded_bayes()).abs().max() > 0.05  # uncorrected it is not
    found = corrected(logits, SPECIAL_SHARE, batch_share).softmax(1)
    assert_close(found, folded_bayes(), rtol=0, atol=1e-6)
    assert_close(combine(BAYES, [found], [SET]), BAYES, rtol=0, atol=1e-6)


def test_half_and_half_is_the_papers_correction():
    assert dustbin_correction(0.1) == pytest.approx(np.log(0.9 / 0.1), rel=1e-12)
    assert dustbin_correction(0.3, 0.3) == pytest.approx(0, abs=1e-15)
    logits = torch.zeros(2, 3)
    assert_close(corrected(logits, 0.1) - logits, torch.tensor([[0.0, 0.0, np.log(9)]] * 2, dtype=torch.float32))


@pytest.mark.parametrize("shares", [(0.0, 0.5), (1.0, 0.5), (0.5, 0.0), (0.5, 1.0), (float("nan"), 0.5)])
def test_shares_lie_between_0_and_1(shares):
    with pytest.raises(ArgumentError, match="shares must lie between 0 and 1, got "):
        dustbin_correction(*shares)


def test_labels_fold():
    labels = torch.tensor([0, 1, 2, 3, 4, -1])
    assert folded_labels(labels, SET, 5).tolist() == [2, 1, 2, 0, 2, -1]
    assert folded_labels(labels[:0], SET, 5).tolist() == []
    with pytest.raises(ArgumentError, match=re.escape("labels must lie in -1..3, got -1..4")):
        folded_labels(labels, [3, 1], 4)
    with pytest.raises(ArgumentError, match=re.escape("a special set must have classes in 0..4, got 5..5")):
        folded_labels(labels, [5], 5)


def test_logits_fold_to_the_same_distribution():
    logits = torch.randn(6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    probs = logits.softmax(1)
    expected = torch.cat([probs[:, SET], 1 - probs[:, SET].sum(1, keepdim=True)], 1)
    assert_close(folded_logits(logits, SET).softmax(1), expected)
    assert folded_logits(logits, [0, 1, 2, 3, 4])[0, -1] == -torch.inf


def test_a_head_has_the_generalists_rows():
    layer = nn.Linear(4, 5)
    head, inputs = specialist_head(layer, SET), torch.randn(7, 4)
    z, found = layer(inputs), head(inputs)
    assert_close(found[:, :2], z[:, SET])
    assert_close(found[:, 2], z[:, [0, 2, 4]].mean(1) + np.log(3), rtol=1e-5, atol=1e-5)
    assert (found[:, 2] <= folded_logits(z, SET)[:, 2] + 1e-5).all()
    with torch.no_grad():
        layer.weight[[0, 2, 4]], layer.bias[[0, 2, 4]] = layer.weight[0].clone(), layer.bias[0].clone()
    assert_close(specialist_head(layer, SET)(inputs), folded_logits(layer(inputs), SET), rtol=1e-5, atol=1e-5)


def test_a_head_of_a_layer_without_biases():
    layer = nn.Linear(4, 3, bias=False)
    assert_close(specialist_head(layer, [1]).bias, torch.tensor([0.0, np.log(2)], dtype=torch.float32))


def test_a_specialist_starts_as_the_generalist_and_is_another_net():
    generalist = MLP([6, 8, 5])
    before = {name: value.clone() for name, value in generalist.state_dict().items()}
    specialist, inputs = specialist_from(generalist, SET, num_classes=5), torch.randn(3, 6)
    assert_close(specialist(inputs)[:, :2], generalist(inputs)[:, SET])
    with torch.no_grad():
        for parameter in specialist.parameters():
            parameter.zero_()
    for name, value in generalist.state_dict().items():
        assert_close(value, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("net", [nn.Linear(4, 5), nn.Sequential(nn.ReLU()), MLP([6, 8, 4])])
def test_a_generalist_without_such_a_layer_is_refused(net):
    with pytest.raises(ArgumentError, match=re.escape("a last torch.nn.Linear of 5 outputs inside it, got")):
        specialist_from(net, SET, num_classes=5)


def test_a_head_leaves_classes_to_the_dustbin():
    with pytest.raises(ArgumentError, match="a special set must leave classes to the dustbin, got all 2"):
        specialist_head(nn.Linear(3, 2), [0, 1])


@pytest.mark.usefixtures("shapes_unchecked")
def test_logits_that_fold_are_rows():
    with pytest.raises(ArgumentError, match="logits to be folded must be a tensor of numbers"):
        folded_logits(torch.zeros(4), [0])

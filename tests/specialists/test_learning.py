"""Specialists that are trained: mixtures, budgets, the generalist's soft targets; a toy whose Bayes answer is known."""

import math
import re

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from limbeck import ArgumentError, Budget, SoftTargets, TransferSet, combine, fit, write_soft_targets
from limbeck.models import MLP
from limbeck.objective import distillation_loss
from limbeck.specialists import corrected, folded_labels, specialist_from
from limbeck.specialists.learning import FromGeneralist, budget_within, mixture, special_share
from limbeck.teachers import predict
from limbeck.training import FromSoftTargets

CLASSES, SYMBOLS, SET = 5, 6, (3, 1)
BUDGET = Budget(epochs=20, batch_size=512, learning_rate=0.05, precision="32-true")


def toy(count=20_000):
    """Symbols whose classes are drawn: what is likely given a symbol is counted, so Bayes' answer is known."""
    generator = torch.Generator().manual_seed(0)
    probs = torch.rand(SYMBOLS, CLASSES, generator=generator) ** 3
    probs[:, list(SET)] /= 3
    symbols = torch.randint(SYMBOLS, (count,), generator=generator)
    labels = torch.multinomial(probs[symbols], 1, generator=generator).squeeze(1)
    counts = torch.zeros(SYMBOLS, CLASSES, dtype=torch.double)
    counts.index_put_((symbols, labels), torch.ones(count, dtype=torch.double), accumulate=True)
    return TransferSet(nn.functional.one_hot(symbols, SYMBOLS).float(), labels), counts / counts.sum(1, keepdim=True)


def test_a_trained_specialist_is_bayes_once_it_is_corrected():
    train, bayes = toy()
    symbols = TransferSet(torch.eye(SYMBOLS))
    generalist = fit(MLP([SYMBOLS, CLASSES]), train, budget=BUDGET).net
    p_g = predict(generalist, symbols).double().softmax(1)
    assert_close(p_g, bayes, rtol=0, atol=0.01)
    net = fit(specialist_from(generalist, SET, CLASSES), mixture(train, SET, CLASSES), budget=BUDGET).net
    logits = predict(net, symbols).double()
    own = bayes[:, list(SET)]
    expected = torch.cat([own, 1 - own.sum(1, keepdim=True)], 1)
    assert (logits.softmax(1) - expected).abs().max() > 0.05  # of the mixture, uncorrected
    p_m = corrected(logits, special_share(train, SET)).softmax(1)
    assert_close(p_m, expected, rtol=0, atol=0.01)
    assert_close(combine(p_g, [p_m], [SET]), bayes, rtol=0, atol=0.01)
    flat = torch.full_like(p_g, 1 / CLASSES)  # a generalist that knows nothing
    wrong, mended = ((q - bayes).abs().sum() for q in (flat, combine(flat, [p_m], [SET])))
    assert mended < 0.8 * wrong


def test_a_mixture_folds_labels_and_oversamples_the_special():
    train = toy(500)[0].subset(torch.arange(20, 500))
    mixed = mixture(train, SET, CLASSES)
    special = torch.isin(train.labels_at(train.ids), torch.tensor(SET))
    assert torch.equal(mixed.oversampled, train.ids[special])
    assert torch.equal(mixed.labels, folded_labels(train.labels, SET, CLASSES))
    drawn = mixed.labels_at(mixed.drawn(0, 0))
    assert (drawn[::2] < 2).all()
    assert (drawn[1::2] == 2).all()
    full = mixture(train, SET, CLASSES, full_softmax=True)
    assert torch.equal(full.labels, train.labels)
    assert torch.equal(full.drawn(0, 0), mixed.drawn(0, 0))
    assert special_share(train, SET) == pytest.approx(float(special.double().mean()))


def test_a_budget_is_the_longest_within_its_share():
    train = toy(1000)[0]
    mixed = mixture(train, SET, CLASSES)
    generalist = Budget(epochs=10, batch_size=50, learning_rate=0.1)
    found = budget_within(0.5, generalist, train, mixed, rate=0.02)
    assert found.epochs * mixed.num_drawn <= 0.5 * 10 * 1000 < (found.epochs + 1) * mixed.num_drawn
    assert (found.learning_rate, found.batch_size) == (0.02, 50)
    with pytest.raises(ArgumentError, match=re.escape("a specialist must be allowed one epoch of its ")):
        budget_within(0.001, generalist, train, mixed, rate=0.02)
    for share in (0.0, 1.5, math.nan):
        with pytest.raises(ArgumentError, match=f"share must lie above 0 and up to 1, got {share}"):
            budget_within(share, generalist, train, mixed, rate=0.02)


@pytest.fixture
def store(tmp_path):
    train = toy(400)[0]
    torch.manual_seed(0)
    return train, write_soft_targets(MLP([SYMBOLS, 8, CLASSES]), train, tmp_path / "store")


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_generalists_soft_targets_are_folded_as_probabilities(store, temperature):
    train, targets = store
    ids = torch.tensor([7, 3, 100])
    probs = (targets.logits(ids, temperature=temperature).double() / temperature).softmax(1)
    inside = probs[:, list(SET)]
    objective = FromGeneralist(FromSoftTargets(targets, temperature, 0.25), SET)
    found = objective.targets(ids, 0)
    assert_close(
        (found.logits.double() / temperature).softmax(1),
        torch.cat([inside, 1 - inside.sum(1, keepdim=True)], 1),
        rtol=1e-5,
        atol=1e-6,
    )
    z, labels = torch.randn(3, 3), folded_labels(train.labels_at(ids), SET, CLASSES)
    expected = distillation_loss(z, found.logits, labels, temperature=temperature, hard_weight=0.25)
    assert_close(objective.loss(z, labels, found), expected)


def test_a_full_softmax_learns_from_them_as_they_are(store):
    train, targets = store
    full = FromGeneralist(FromSoftTargets(targets, 1.0, 0.5), None)
    assert_close(full.targets(train.ids[:4], 0).logits, targets.logits(train.ids[:4], temperature=1.0))
    assert full.spec() != FromGeneralist(FromSoftTargets(targets, 1.0, 0.5), SET).spec()


def test_soft_targets_keep_a_specialist_near_the_generalist(store):
    train, targets = store
    generalist = MLP([SYMBOLS, 8, CLASSES])
    targets = write_soft_targets(generalist, train, targets.folder.parent / "own")
    mixed = mixture(train, SET, CLASSES)
    budget = Budget(epochs=30, batch_size=32, learning_rate=0.02, precision="32-true")
    only_soft = FromGeneralist(FromSoftTargets(targets, 1.0, 0.0), SET)
    net = fit(specialist_from(generalist, SET, CLASSES), mixed, objective=only_soft, budget=budget).net
    symbols = TransferSet(torch.eye(SYMBOLS))
    own = predict(generalist, symbols).softmax(1)[:, list(SET)]
    assert_close(predict(net, symbols).softmax(1)[:, :2], own, rtol=0, atol=0.02)


def test_a_store_of_a_part_of_the_classes_is_refused(store, tmp_path):
    from limbeck.targets import TopK

    train, _ = store
    part = write_soft_targets(MLP([SYMBOLS, CLASSES]), train, tmp_path / "part", encoding=TopK(2, (1.0,)))
    assert isinstance(part, SoftTargets)
    with pytest.raises(ArgumentError, match="a specialist needs every class's logit"):
        FromGeneralist(FromSoftTargets(part, 1.0, 0.5), SET).check(mixture(train, SET, CLASSES))

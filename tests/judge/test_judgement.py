"""A judgement is what its parts say, and fits nothing on the test set."""

import json
import math

import pytest
import torch

from limbeck import ArgumentError, TransferSet, write_soft_targets
from limbeck.judge import (
    Fidelity,
    fidelity,
    fidelity_on_training,
    fidelity_where,
    fit_temperature,
    judgement_of,
    measure,
    read_judgement,
    told_judgement,
)
from limbeck.judge.judgement import MOST_TRAINING
from limbeck.models import MLP
from limbeck.targets import TopK
from limbeck.teachers import predict


def drawn(rows, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(4, (rows,), generator=generator)
    logits = 3 * torch.randn(rows, 4, generator=generator)
    logits[torch.arange(rows), labels] += 2
    return logits, labels


def test_a_judgement_holds_what_its_parts_say():
    logits, labels = drawn(300, 0)
    teacher, held_out, training = drawn(300, 1)[0], drawn(200, 2), Fidelity(7, 0.5, 0.1)
    found = judgement_of(logits, labels, held_out=held_out, teacher_logits=teacher, training=training, start="0123")
    own = measure(logits, labels)
    assert (found.examples, found.errors, found.nll) == (300, own.errors, own.nll)
    assert (found.brier, found.ece) == (own.brier, own.ece)
    assert found.temperature == fit_temperature(*held_out) > 1.1
    calibrated = measure(logits.double() / found.temperature, labels)
    assert (found.calibrated_nll, found.calibrated_ece) == (calibrated.nll, calibrated.ece)
    assert found.calibrated_nll < found.nll
    assert found.test == fidelity(logits, teacher)
    assert (found.teacher_right, found.teacher_wrong) == fidelity_where(logits, teacher, labels)
    assert (found.training, found.start) == (training, "0123")


def test_without_a_validation_split_no_temperature_is_fitted():
    found = judgement_of(*drawn(300, 0))
    assert (found.temperature, found.calibrated_nll, found.calibrated_ece) == (None, None, None)
    assert (found.test, found.teacher_right, found.teacher_wrong) == (None, None, None)


def test_a_judgement_goes_through_json_and_back():
    logits, labels = drawn(300, 0)
    found = judgement_of(logits, labels, held_out=drawn(200, 2), teacher_logits=drawn(300, 1)[0])
    assert read_judgement(json.loads(json.dumps(told_judgement(found)))) == found


def test_a_figure_that_is_not_finite_is_told_as_none():
    logits = torch.tensor([[0.0, -torch.inf], [1.0, 0.0]])
    found = judgement_of(logits, torch.tensor([1, 0]), teacher_logits=torch.full((2, 2), torch.nan))
    assert found.nll == math.inf
    told = told_judgement(found)
    assert (told["nll"], told["test"]["kl"], told["errors"]) == (None, None, 1)
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize("damage", [{}, {"errors": 1}, {"test": 3}, {"test": {"kl": 0.1}}])
def test_json_of_another_form_is_refused(damage):
    told = told_judgement(judgement_of(*drawn(30, 0)))
    with pytest.raises(ArgumentError, match="a judgement must have the figures of one"):
        read_judgement({**told, **damage} if "test" in damage else damage)


def net(seed=0):
    torch.manual_seed(seed)
    return MLP([6, 4])


def test_fidelity_on_training_asks_the_store_and_the_first_examples(tmp_path, monkeypatch):
    train = TransferSet(torch.randn(50, 6, generator=torch.Generator().manual_seed(0)))
    targets = write_soft_targets(net(0), train, tmp_path / "t")
    whole = fidelity_on_training(net(1), train, targets)
    expected = fidelity(predict(net(1), train), predict(net(0), train))
    assert (whole.examples, whole.agreement) == (50, expected.agreement)
    assert whole.kl == pytest.approx(expected.kl, rel=1e-2)  # the store holds float16
    assert MOST_TRAINING == 10_000
    monkeypatch.setattr("limbeck.judge.judgement.MOST_TRAINING", 20)
    first = fidelity_on_training(net(1), train, targets)
    assert first.examples == 20
    for lengths, rows in (([12, 8, 30], 20), ([12, 9, 29], 12), ([30, 20], 30)):  # whole runs, at least one
        runs = TransferSet(train.inputs, run_lengths=torch.tensor(lengths))
        store = write_soft_targets(net(0), runs, tmp_path / f"{lengths}")
        assert fidelity_on_training(net(1), runs, store).examples == rows
    assert first.agreement == fidelity(predict(net(1), train)[:20], predict(net(0), train)[:20]).agreement


def test_a_store_that_keeps_a_part_tells_no_fidelity(tmp_path):
    train = TransferSet(torch.randn(8, 6))
    targets = write_soft_targets(net(0), train, tmp_path / "t", encoding=TopK(2, (1.0,)))
    assert fidelity_on_training(net(1), train, targets) is None

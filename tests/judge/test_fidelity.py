"""Agreement and divergence against scipy."""

import pytest
import torch
from scipy.special import rel_entr, softmax

from limbeck import ArgumentError
from limbeck.judge import Fidelity, fidelity, fidelity_where


def two(rows=300, classes=5):
    generator = torch.Generator().manual_seed(0)
    teacher = 2 * torch.randn(rows, classes, generator=generator)
    return teacher + torch.randn(rows, classes, generator=generator), teacher


def test_the_divergence_is_scipys_relative_entropy():
    logits, teacher = two()
    found = fidelity(logits, teacher)
    p, q = (softmax(each.double().numpy(), axis=1) for each in (teacher, logits))
    assert found.kl == pytest.approx(rel_entr(p, q).sum(1).mean(), rel=1e-9)
    assert found.agreement == (logits.argmax(1) == teacher.argmax(1)).double().mean().item()
    assert found.examples == 300


def test_where_the_teacher_is_right_and_where_it_is_wrong_make_the_whole():
    logits, teacher = two()
    labels = torch.randint(5, (300,), generator=torch.Generator().manual_seed(1))
    right, wrong = fidelity_where(logits, teacher, labels)
    kept = teacher.argmax(1) == labels
    assert right == fidelity(logits[kept], teacher[kept])
    assert right.examples == int(kept.sum()) < 300
    whole = fidelity(logits, teacher)
    for figure in ("agreement", "kl"):
        parts = sum(each.examples * getattr(each, figure) for each in (right, wrong)) / 300
        assert parts == pytest.approx(getattr(whole, figure), rel=1e-12)


def test_a_teacher_that_is_never_wrong_leaves_nothing_to_tell():
    logits, teacher = two()
    _, wrong = fidelity_where(logits, teacher, teacher.argmax(1))
    assert wrong == Fidelity(0, None, None)


@pytest.mark.usefixtures("shapes_unchecked")
def test_shapes_must_be_one():
    logits, teacher = two()
    with pytest.raises(ArgumentError, match=r"must have the shape \(300, 5\), got \(300, 1\)"):
        fidelity(logits, teacher[:, :1])
    with pytest.raises(ArgumentError, match=r"labels must be whole numbers of shape \(300,\)"):
        fidelity_where(logits, teacher, torch.zeros(4, dtype=torch.int64))

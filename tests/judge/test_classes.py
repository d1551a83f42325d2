"""Figures of each class against scikit-learn, confusions counted by hand."""

import numpy as np
import pytest
import torch
from sklearn.metrics import precision_recall_fscore_support

from limbeck import ArgumentError
from limbeck.judge import ClassFigures, Confusion, by_class, class_table, most_confused


def drawn(rows=400, classes=5):
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(classes - 1, (rows,), generator=generator)  # the last has no example
    logits = torch.randn(rows, classes, generator=generator)
    logits[torch.arange(rows), labels] += 1.5
    return logits, labels


def test_each_class_has_scikit_learns_figures():
    logits, labels = drawn()
    found = by_class(logits, labels)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, logits.argmax(1), labels=np.arange(5), zero_division=np.nan
    )
    assert [each.support for each in found] == support.tolist()
    assert [each.precision for each in found] == pytest.approx(precision)
    assert [each.recall for each in found[:4]] == pytest.approx(recall[:4])
    assert [each.f1 for each in found] == pytest.approx(f1)
    wrong = logits.argmax(1) != labels
    assert [each.errors for each in found] == [int((wrong & (labels == number)).sum()) for number in range(5)]


def test_what_divides_by_nothing_is_none():
    logits = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert by_class(logits, torch.tensor([0, 1])) == [
        ClassFigures(1, 0, 0.5, 1.0, 1 / 1.5),
        ClassFigures(1, 1, None, 0.0, 0.0),
        ClassFigures(0, 0, None, None, None),
    ]


def test_the_table_begins_with_the_class_that_is_mistaken_most():
    twin = torch.eye(3)[[0, 1, 1, 1]]
    student = torch.eye(3)[[0, 2, 1, 1]]
    table = class_table({"twin": twin, "student": student}, torch.tensor([0, 0, 1, 2]), ("ant", "bee", "cow"))
    assert [row["class"] for row in table] == ["ant", "cow", "bee"]
    assert table[0] == {
        "class": "ant",
        "examples": "2",
        "twin: errors": "1",
        "twin: precision": "100.0%",
        "twin: recall": "50.0%",
        "twin: F1": "66.7%",
        "student: errors": "1",
        "student: precision": "100.0%",
        "student: recall": "50.0%",
        "student: F1": "66.7%",
    }
    assert table[1]["twin: precision"] == "–"


def test_a_table_needs_models_and_a_name_for_each_class():
    logits, labels = drawn()
    with pytest.raises(ArgumentError, match="at least one model"):
        class_table({}, labels, ())
    with pytest.raises(ArgumentError, match="there must be 5 class names, one a class, got 2"):
        class_table({"student": logits}, labels, ("ant", "bee"))


def test_the_commonest_errors_come_first_and_of_equal_ones_the_lower_classes():
    labels = torch.tensor([0, 0, 1, 2, 2, 2, 1])
    chosen = torch.tensor([1, 1, 2, 0, 0, 2, 0])
    found = most_confused(chosen, labels, 3, 3)
    assert found == [Confusion(0, 1, 2), Confusion(2, 0, 2), Confusion(1, 0, 1)]
    assert most_confused(labels, labels, 3, 3) == []
    high = torch.tensor([200, 200], dtype=torch.int16)  # 200 · 300 is beyond their type
    assert most_confused(torch.tensor([1, 1]), high, 300, 1) == [Confusion(200, 1, 2)]


def test_counts_are_whole_where_nothing_is_right():
    logits = torch.tensor([[0.0, 1.0]]).repeat(3, 1)
    table = class_table({"student": logits}, torch.zeros(3, dtype=torch.long), ("ant", "bee"))
    assert [(row["examples"], row["student: errors"]) for row in table] == [("3", "3"), ("0", "0")]

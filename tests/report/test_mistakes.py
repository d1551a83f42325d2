import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix

from limbeck.data import TransferSet
from limbeck.report.judged import Evidence, Judged
from limbeck.report.mistakes import MOST_CLASSES, MOST_DOUBTS, counts, drawn_classes, mistakes, soft_confusion


def told(kinds):
    return {(kind.label, kind.choice): (kind.counts, kind.by_any) for kind in kinds}


def test_mistakes_are_counted_by_each_model_and_by_any(models, test_set):
    found = told(mistakes(Evidence.of(models, test_set), 1.0))
    assert {pair: own for pair, own in found.items() if own[1]} == {
        (1, 0): ([0, 1, 0], 1),
        (0, 2): ([0, 1, 0], 1),
        (2, 1): ([0, 1, 0], 1),
        (1, 2): ([0, 0, 1], 1),
    }


def test_an_example_that_two_models_mistake_alike_is_one():
    labels = torch.tensor([0, 0, 0, 1])
    twin, student = torch.eye(3)[[1, 1, 2, 1]], torch.eye(3)[[1, 2, 2, 1]]
    evidence = Evidence.of([Judged("twin", twin), Judged("student", student)], TransferSet(torch.zeros(4, 1), labels))
    commonest = mistakes(evidence, 1.0)[:2]
    assert {(kind.label, kind.choice): kind.by_any for kind in commonest} == {(0, 1): 2, (0, 2): 2}
    assert told(commonest)[0, 1][0] == [2, 1]


def test_the_commonest_come_first_then_those_the_teacher_doubts_most(models, test_set):
    kinds = mistakes(Evidence.of(models, test_set), 4.0)
    assert [kind.by_any for kind in kinds] == sorted((kind.by_any for kind in kinds), reverse=True)
    for number in (0, 1):
        doubts = [kind.soft for kind in kinds if kind.by_any == number]
        assert doubts == sorted(doubts, reverse=True)
    assert len(kinds) == 6  # every pair of three classes


def test_without_labels_there_are_no_mistakes(models, test_set):
    assert mistakes(Evidence.of(models, test_set.without_labels()), 1.0) == []


def random_labels(examples, classes):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, classes, (examples,), generator=generator), torch.randn(
        examples, classes, generator=generator
    )


def test_counts_are_those_of_scikit_learn():
    labels, logits = random_labels(200, 7)
    expected = confusion_matrix(labels, logits.argmax(1), labels=range(7))
    np.testing.assert_array_equal(counts(logits.argmax(1), labels, torch.arange(7)), expected)
    np.testing.assert_array_equal(
        counts(logits.argmax(1), labels, torch.tensor([1, 4])), expected[np.ix_([1, 4], [1, 4])]
    )


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_soft_confusion_is_the_mean_of_each_classes_rows(temperature):
    labels, logits = random_labels(60, 4)
    labels = labels.clamp_max(2)  # the last class has no example
    probs = np.exp(logits.double().numpy() / temperature)
    probs /= probs.sum(1, keepdims=True)
    expected = np.stack([probs[labels == label].mean(0) for label in range(3)] + [np.zeros(4)])
    np.testing.assert_allclose(soft_confusion(logits, labels, torch.arange(4), temperature), expected, rtol=1e-12)


def test_doubts_of_many_classes_are_bounded():
    labels, logits = random_labels(50, 100)
    kinds = mistakes(Evidence.of([Judged("teacher", logits)], TransferSet(torch.zeros(50, 1), labels)), 1.0)
    assert sum(kind.by_any for kind in kinds) == int((logits.argmax(1) != labels).sum())
    assert sum(kind.by_any == 0 for kind in kinds) <= MOST_DOUBTS


def test_the_classes_that_errors_touch_are_drawn():
    classes = MOST_CLASSES + 5
    labels = torch.tensor([classes - 1, 0])
    logits = torch.zeros(2, classes).index_fill_(1, torch.tensor([classes - 2]), 1.0)
    drawn = drawn_classes([Judged("student", logits)], labels, classes).tolist()
    assert drawn == [*range(MOST_CLASSES - 2), classes - 2, classes - 1]

import numpy as np
import pytest
import torch

from limbeck.data import TransferSet
from limbeck.report.choice import MOST_OF_A_KIND, entropy, in_turns, mistaken, sharing, telling
from limbeck.report.judged import Evidence, Judged
from limbeck.report.mistakes import mistakes


def test_differing_examples_come_first_then_the_teachers_doubts(models, test_set):
    chosen = telling(Evidence.of(models, test_set), count=4)
    assert chosen == [
        (4, "twin and student differ"),
        (5, "twin and student differ"),
        (1, "the teacher is in doubt"),
        (3, "the teacher is in doubt"),
    ]


def test_the_choice_is_in_order_of_entropy(models, test_set):
    by_doubt = entropy(models[0].logits).tolist()
    rows = [row for row, _ in telling(Evidence.of(models[:1], test_set))]
    assert [by_doubt[row] for row in rows] == sorted(by_doubt, reverse=True)
    assert telling(Evidence.of(models, test_set)) == telling(Evidence.of(models, test_set))


def test_equal_doubts_go_in_the_order_of_the_set(test_set):
    evidence = Evidence.of([Judged("net", torch.zeros(6, 3))], test_set)
    assert telling(evidence, count=3) == [(row, "net is in doubt") for row in range(3)]


def test_entropy_of_masked_logits():
    logits = torch.tensor([[0.0, 0.0, -torch.inf], [-torch.inf] * 3])
    torch.testing.assert_close(entropy(logits), torch.tensor([np.log(2), 0.0], dtype=torch.float32))


def test_the_surest_mistake_comes_first(models, test_set):
    evidence = Evidence.of(models, test_set)
    kinds = mistakes(evidence, 1.0)
    assert [(kind.label, kind.choice) for kind in kinds if kind.by_any] == [(1, 2), (1, 0), (2, 1), (0, 2)]
    by_kind = [4, 1, 5, 3]  # each mistake of the twin and the student is another example
    assert mistaken(evidence, kinds).tolist() == by_kind


def test_a_mistake_of_several_models_counts_once_as_the_surest_makes_it():
    labels = torch.zeros(4, dtype=torch.long)
    twin = torch.tensor([[0, 1], [0, 3], [1, 0], [0, 2]], dtype=torch.float32)
    student = torch.tensor([[0, 4], [0, 1], [1, 0], [1, 0]], dtype=torch.float32)
    test_set = TransferSet(torch.zeros(4, 1), labels)
    evidence = Evidence.of([Judged("twin", twin), Judged("student", student)], test_set)
    assert mistaken(evidence, mistakes(evidence, 1.0)).tolist() == [0, 1, 3]


def test_without_labels_nothing_is_mistaken(models, test_set):
    assert mistaken(Evidence.of(models, test_set.without_labels()), []).tolist() == []


def test_two_classes_share_the_smaller_of_their_probabilities():
    probs = torch.tensor([[0.5, 0.4, 0.1], [0.1, 0.2, 0.7], [0.3, 0.35, 0.35]])
    rows, pairs = sharing(probs.log(), 1.0)
    assert pairs == [(0, 1), (1, 2), (0, 2)]  # 0.8, 0.65, 0.5
    assert rows[:3].tolist() == [0, 2, 2]


@pytest.mark.parametrize("temperature", [1.0, 8.0])
def test_what_is_shared_is_what_every_pair_of_the_three_likeliest_says(temperature):
    logits = 3 * torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    rows, pairs = sharing(logits, temperature)
    probs = (logits.double() / temperature).softmax(1).numpy()
    third = np.sort(probs, 1)[:, -3]
    shared = {}
    for one in range(5):
        for other in range(one + 1, 5):
            least = np.minimum(probs[:, one], probs[:, other])
            shared[one, other] = np.where(least >= third, least, 0)
    expected = sorted((pair for pair in shared if shared[pair].sum() > 0), key=lambda pair: -shared[pair].sum())
    assert pairs == expected
    assert rows[: len(pairs)].tolist() == [int(shared[pair].argmax()) for pair in expected]


def test_one_class_shares_nothing():
    rows, pairs = sharing(torch.zeros(3, 1), 1.0)
    assert (rows.tolist(), pairs) == ([], [])


def test_of_a_kind_only_so_many_are_taken():
    many = np.arange(20)
    assert in_turns(np.zeros(20, np.int64), -many.astype(float), many).tolist() == list(range(MOST_OF_A_KIND))

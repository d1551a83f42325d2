"""Section 5's tables, worked by hand: six classes, two special sets that share one, a test set of six."""

import pytest
import torch

from limbeck.specialists.calibration import Calibration
from limbeck.specialists.team import Member, Terms
from limbeck.teams.choosing import Told
from limbeck.teams.tables import accuracy_rows, brought_rows, conditional_accuracy, coverage_rows

SETS = ((1, 0), (1, 2, 3))  # class 1 is in both, 4 and 5 are in none
LABELS = torch.tensor([0, 1, 1, 2, 4, 5])
GENERALIST = torch.tensor(
    [
        [1.0, 2.0, 0.0, 0.0, 0.0, 0.0],  # 0, called 1
        [1.0, 3.0, 2.0, 0.0, 0.0, 0.0],  # right
        [2.0, 1.5, 1.0, 0.0, 3.0, 0.0],  # 1, called 4; among the first's 0, among the second's 1
        [0.0, 0.0, 1.0, 2.0, 0.0, 0.0],  # 2, called 3
        [0.0, 0.0, 0.0, 0.0, 4.0, 3.0],  # right
        [0.0, 0.0, 0.0, 0.0, 4.0, 3.0],  # 5, called 4
    ]
)
FIRST = torch.tensor(  # of 1, 0 and the dustbin: right of the first three
    [[0.0, 9.0, 0.0], [9.0, 0.0, 0.0], [9.0, 0.0, 0.0], [0.0, 0.0, 9.0], [0.0, 0.0, 9.0], [0.0, 0.0, 9.0]]
)
SECOND = torch.zeros(6, 6)  # a full softmax, which has 1 in the place of 0, 3 in that of 2
SECOND[range(6), [1, 1, 1, 3, 4, 5]] = 9.0


@pytest.fixture
def told():
    terms = Terms((Member(SETS[0]), Member(SETS[1], Calibration(2.0), full_softmax=True)))
    return Told(GENERALIST, (FIRST, SECOND), terms, terms.together(GENERALIST, [FIRST, SECOND]))


def figures(rows):
    return {(row["setting"], row["metric"]): row["values"] for row in rows}


def test_conditional_accuracy_counts_an_example_once_for_each_set_that_has_its_class(told):
    # of the first set's: 0 called 1, 1 right, 1 called 0; of the second's: 1 right, 1 right, 2 called 3
    assert conditional_accuracy(GENERALIST, LABELS, told.inside) == 3 / 6
    assert conditional_accuracy(GENERALIST, LABELS, told.inside[:, :1]) == 1 / 3
    found = figures(accuracy_rows([told], LABELS))
    assert found["teacher", "conditional accuracy"] == [3 / 6]
    right = conditional_accuracy(told.together, LABELS, told.inside)
    assert found["ensemble", "conditional accuracy"] == [right]
    own = int((told.together.argmax(1) == LABELS).sum())
    assert found["ensemble", "relative change"] == [own / 2 - 1]


def test_coverage_counts_special_sets_of_the_true_class(told):
    found = figures(coverage_rows([told], LABELS))
    assert [found[f"ensemble, covered by {n}", "test examples"] for n in range(3)] == [[2.0], [2.0], [2.0]]
    assert [found[f"ensemble, covered by {n}", "right"] for n in range(3)] == [[1.0], [0.0], [1.0]]
    now = told.together.argmax(1) == LABELS
    gains = [int(now[[4, 5]].sum()) - 1, int(now[[0, 3]].sum()), int(now[[1, 2]].sum()) - 1]
    assert [found[f"ensemble, covered by {n}", "gained"] for n in range(3)] == [[float(gain)] for gain in gains]
    assert ("ensemble, covered by 1", "relative change") not in found  # nothing was right that could be more
    assert found["ensemble, covered by 0", "relative change"] == [gains[0] / 1]


def test_what_a_specialist_brings_is_told_within_its_classes_alone_and_in_the_team(told):
    found = figures(brought_rows([told], LABELS))
    assert found["ensemble, specialist 1", "generalist within its classes"] == [1 / 3]
    assert found["ensemble, specialist 1", "specialist within its classes"] == [1.0]
    assert found["ensemble, specialist 2", "generalist within its classes"] == [2 / 3]
    assert found["ensemble, specialist 2", "specialist within its classes"] == [2 / 3]

    def right(*places):
        terms = Terms(tuple(told.terms.members[m] for m in places))
        together = terms.together(GENERALIST, [told.specialists[m] for m in places])
        return int((together.argmax(1) == LABELS).sum())

    assert right(0) > right() == 2
    assert right(0) != right(1)
    for place in (0, 1):
        assert found[f"ensemble, specialist {place + 1}", "gained alone"] == [right(place) - 2]
        assert found[f"ensemble, specialist {place + 1}", "gained in the team"] == [right(0, 1) - right(1 - place)]


def test_seeds_stand_side_by_side(told):
    other = Told(GENERALIST, told.specialists, told.terms, GENERALIST)
    found = figures(accuracy_rows([told, other], LABELS))
    assert found["ensemble", "conditional accuracy"][1] == found["teacher", "conditional accuracy"][1] == 3 / 6
    assert found["ensemble", "relative change"][1] == 0

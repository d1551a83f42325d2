"""A class bias against a search over all biases."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from limbeck import ArgumentError
from limbeck.judge import class_bias


def drawn(rows=500, classes=4):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(rows, classes, generator=generator)
    return logits, torch.randint(classes, (rows,), generator=generator)


def errors_with(bias, logits, labels, classes):
    shifted = logits.double()
    shifted[:, classes] += bias
    return int((shifted.argmax(-1) != labels).sum())


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(2, 6), st.integers(0, 10**6), st.data())
def test_a_class_bias_makes_the_fewest_errors(rows, num_classes, seed, data):
    classes = sorted(data.draw(st.sets(st.integers(0, num_classes - 1), min_size=1, max_size=num_classes - 1)))
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randint(-8, 9, (rows, num_classes), generator=generator) / 4  # margins are quarters, often equal
    labels = torch.randint(num_classes, (rows,), generator=generator)
    between = torch.arange(-41, 42, 2) / 8  # one bias between each two margins, and one outside them all
    fewest = min(errors_with(bias, logits, labels, classes) for bias in between.double())
    assert errors_with(class_bias(logits, labels, classes), logits, labels, classes) == fewest


@pytest.mark.parametrize("classes", [[2], [0, 3]])
def test_a_class_bias_undoes_what_was_added(classes):
    logits, _ = drawn()
    labels = logits.argmax(-1)
    logits[:, classes] -= 5.0
    bias = class_bias(logits, labels, classes)
    assert errors_with(0.0, logits, labels, classes) > 100
    assert errors_with(bias, logits, labels, classes) == 0
    assert bias == pytest.approx(5.0, abs=0.1)


def binary(*margins):
    """Logits of two classes, of which the second lies behind by these margins."""
    return torch.tensor([[margin, 0.0] for margin in margins])


def test_of_the_best_biases_a_class_bias_is_the_middle_of_the_widest_range():
    labels = torch.tensor([1, 0, 1, 0, 0])
    assert class_bias(binary(1.0, 2.0, 3.0, 7.0, 8.0), labels, [1]) == 5.0  # of 1 to 2 and 3 to 7
    assert class_bias(binary(1.0, 4.0, 5.0, 7.0, 8.0), labels, [1]) == 2.5  # of 1 to 4 and 5 to 7


def test_an_example_that_is_wrong_on_both_sides_ends_no_range():
    logits = torch.tensor([[1.0, 0.0, -9.0], [2.5, 0.0, -9.0], [4.0, 0.0, -9.0], [6.0, 0.0, -9.0], [8.0, 0.0, -9.0]])
    assert class_bias(logits, torch.tensor([1, 2, 0, 1, 0]), [1]) == 2.5  # of 1 to 4 and 6 to 8


def test_examples_that_no_bias_can_move_want_none():
    assert class_bias(torch.zeros(3, 3), torch.tensor([2, 2, 2]), [1]) == 0.0


def test_beyond_all_margins_a_bias_goes_half_a_logit():
    assert class_bias(binary(1.0, 2.0), torch.tensor([1, 1]), [1]) == 2.5
    assert class_bias(binary(1.0, 2.0), torch.tensor([0, 0]), [1]) == 0.5


def test_equal_margins_go_over_together():
    labels = torch.tensor([1, 1, 0, 0, 0])
    assert class_bias(binary(3.0, 3.0, 3.0, 3.0, 3.0), labels, [1]) == 2.5
    assert class_bias(binary(3.0, 3.0, 3.0, 3.0, 3.0), 1 - labels, [1]) == 3.5


@pytest.mark.parametrize("classes", [[], [0, 1, 2, 3], range(4)])
def test_refuses_a_bias_for_no_class_or_for_all(classes):
    with pytest.raises(ArgumentError, match=r"a bias must be for some classes and not for all, got \[.*\]"):
        class_bias(*drawn(), classes)

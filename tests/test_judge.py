"""Figures against hand-made examples and other libraries."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student_t
from sklearn.metrics import log_loss

from limbeck import ArgumentError, TransferSet, evaluate
from limbeck.judge import (
    class_bias,
    expected_calibration_error,
    mcnemar_p,
    measure,
    paired_interval,
    share_recovered,
    sign_flip_p,
)
from limbeck.models import MLP


def drawn(rows=500, classes=4):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(rows, classes, generator=generator)
    return logits, torch.randint(classes, (rows,), generator=generator)


def test_figures_of_a_small_example():
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0], [0.0, 0.1]])
    teacher = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    found = measure(logits, torch.tensor([0, 1, 1, 0]), teacher, 7)
    assert (found.examples, found.errors, found.accuracy, found.agreement, found.parameters) == (4, 2, 0.5, 0.75, 7)
    assert found.nll == pytest.approx(np.mean(np.log1p(np.exp([-2, -1, 3, 0.1]))), rel=1e-6)


def test_nll_is_scikit_learns_log_loss():
    logits, labels = drawn()
    expected = log_loss(labels.numpy(), logits.double().softmax(-1).numpy())
    assert measure(logits, labels).nll == pytest.approx(expected, rel=1e-9)


def test_calibration_error_against_a_loop_over_bins():
    logits, labels = drawn()
    probs = logits.double().softmax(-1)
    confidence, chosen = probs.max(-1)
    expected = 0.0
    for bin_number in range(15):
        inside = (confidence > bin_number / 15) & (confidence <= (bin_number + 1) / 15)
        if inside.any():
            gap = (chosen[inside] == labels[inside]).double().mean() - confidence[inside].mean()
            expected += inside.double().mean().item() * abs(gap.item())
    assert expected_calibration_error(probs, labels) == pytest.approx(expected, rel=1e-9)


def test_a_perfectly_calibrated_model_has_no_calibration_error():
    probs = torch.tensor([[0.75, 0.25]] * 4, dtype=torch.float64)
    assert expected_calibration_error(probs, torch.tensor([0, 0, 0, 1])) == pytest.approx(0, abs=1e-12)


def test_sign_flips_are_counted_exactly():
    assert sign_flip_p([1, 2, 3], [0, 0, 0]) == 2 / 8  # all signs, and all flipped
    assert sign_flip_p(range(1, 11), [0] * 10) == pytest.approx(2 / 1024)
    assert sign_flip_p([1, 0, 3], [0, 1, 0]) == 6 / 8  # of the sums ±1 ±1 ±3 only ±1 is nearer to 0
    assert sign_flip_p([1.0], [0.0]) == 1.0
    assert sign_flip_p([2, 2], [2, 2]) == 1.0


def test_mcnemar_counts_the_examples_that_only_one_model_gets_right():
    labels = torch.zeros(20, dtype=torch.int64)
    right, wrong = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    first = torch.stack([right] * 15 + [wrong] * 5)
    second = torch.stack([right] * 7 + [wrong] * 10 + [right] * 3)  # 8 only first, 3 only second, 2 neither
    expected = 2 * sum(math.comb(11, k) for k in range(4)) / 2**11
    assert mcnemar_p(first, second, labels) == pytest.approx(expected)
    assert mcnemar_p(first, first, labels) == 1.0


def test_the_paired_interval_is_students_t():
    first, second = [80, 79, 84, 75, 90], [70, 71, 70, 77, 70]
    differences = np.subtract(first, second)
    mean, half = differences.mean(), student_t.ppf(0.975, 4) * differences.std(ddof=1) / math.sqrt(5)
    assert paired_interval(first, second) == pytest.approx((mean, mean - half, mean + half), rel=1e-12)
    assert paired_interval(second, first) == pytest.approx((-mean, -mean - half, -mean + half), rel=1e-12)


def test_pairs_that_differ_by_the_same_have_an_interval_of_one_point():
    assert paired_interval([80, 79, 81], [70, 69, 71]) == (10, 10, 10)
    assert paired_interval([5, 6], [5, 6]) == (0, 0, 0)


def test_fewer_than_two_pairs_have_no_interval():
    assert paired_interval([80], [70]) is None
    assert paired_interval([], []) is None


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


def test_share_recovered():
    assert share_recovered([146], [67], [74]) == pytest.approx(0.911, abs=1e-3)  # the paper's 91%
    assert share_recovered([10, 12], [5, 5], [11, 11]) == 0
    assert share_recovered([5], [6], [5]) is None


def test_evaluate_judges_a_net_on_a_set():
    data = TransferSet(torch.eye(4), torch.arange(4))
    net = MLP([4, 4])
    net.layers[0].weight.data = 9 * torch.eye(4)[[0, 1, 3, 2]]
    net.layers[0].bias.data.zero_()
    found = evaluate(net.train(), data, teacher_logits=torch.eye(4))
    assert (found.errors, found.agreement, found.parameters) == (2, 0.5, 20)
    with pytest.raises(ArgumentError, match="must have a label for each row to be judged on, it has none"):
        evaluate(net, data.without_labels())


@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses_logits_of_another_shape():
    logits, labels = drawn()
    with pytest.raises(ArgumentError, match=r"must have the shape \(500, 4\), got \(500, 3\)"):
        measure(logits, labels, logits[:, :3])
    for of_pairs in (sign_flip_p, paired_interval):
        with pytest.raises(ArgumentError, match="as many on both sides, got 1 and 2"):
            of_pairs([1], [1, 2])

"""Figures against hand-made examples and other libraries."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from limbeck import ArgumentError, TransferSet, evaluate
from limbeck.judge import expected_calibration_error, mcnemar_p, measure, share_recovered, sign_flip_p
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
    with pytest.raises(ArgumentError, match="must have labels to be judged on"):
        evaluate(net, data.without_labels())


@pytest.mark.usefixtures("shapes_unchecked")
def test_refuses_logits_of_another_shape():
    logits, labels = drawn()
    with pytest.raises(ArgumentError, match=r"must have the shape \(500, 4\), got \(500, 3\)"):
        measure(logits, labels, logits[:, :3])
    with pytest.raises(ArgumentError, match="as many on both sides, got 1 and 2"):
        sign_flip_p([1], [1, 2])

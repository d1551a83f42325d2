"""Calibration against loops, scikit-learn and a search over temperatures."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.metrics import brier_score_loss

from limbeck.judge import brier_score, expected_calibration_error, fit_temperature, measure, reliability


def drawn(rows=500, classes=4):
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(rows, classes, generator=generator)
    return logits, torch.randint(classes, (rows,), generator=generator)


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


def test_the_brier_score_is_scikit_learns():
    logits, labels = drawn()
    probs = logits.double().softmax(-1)
    expected = brier_score_loss(labels.numpy(), probs.numpy(), labels=np.arange(4), scale_by_half=False)
    assert brier_score(probs, labels) == pytest.approx(expected, rel=1e-12)
    assert measure(logits, labels).brier == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_many_examples_of_few_digits_are_counted_whole(dtype):
    probs = torch.tensor([[0.75, 0.25], [0.25, 0.75]]).repeat(5000, 1).to(dtype)  # which every type holds
    labels = torch.tensor([0, 0]).repeat(5000)
    (full,) = [each for each in reliability(probs, labels) if each.examples]
    assert (full.examples, full.confidence, full.accuracy) == (10_000, 0.75, 0.5)
    assert expected_calibration_error(probs, labels) == pytest.approx(0.25, rel=1e-12)
    assert brier_score(probs, labels) == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 2, rel=1e-12)


def test_the_bins_of_a_diagram_are_those_of_the_calibration_error():
    logits, labels = drawn()
    probs = logits.double().softmax(-1)
    bins = reliability(probs, labels)
    assert [round(15 * each.low) for each in bins] == list(range(15))
    assert [round(15 * each.high) for each in bins] == list(range(1, 16))
    assert sum(each.examples for each in bins) == 500
    confidence, right = probs.max(-1).values, probs.argmax(-1) == labels
    inside = (confidence > bins[9].low) & (confidence <= bins[9].high)
    assert bins[9].examples == int(inside.sum())
    assert bins[9].confidence == pytest.approx(confidence[inside].mean().item())
    assert bins[9].accuracy == pytest.approx(right[inside].double().mean().item())
    low, high = bins[9].interval
    assert low < bins[9].accuracy < high
    gaps = [each.examples / 500 * abs(each.accuracy - each.confidence) for each in bins if each.examples]
    assert expected_calibration_error(probs, labels) == pytest.approx(sum(gaps))


def test_a_bin_without_examples_has_no_figures():
    first = reliability(torch.tensor([[0.9, 0.1]]), torch.tensor([0]))[0]
    assert (first.examples, first.confidence, first.accuracy, first.interval) == (0, None, None, None)


def test_a_confidence_on_the_edge_lies_in_the_lower_bin():
    bins = reliability(torch.tensor([[0.6, 0.4]], dtype=torch.float64), torch.tensor([0]))
    assert [each.examples for each in bins].index(1) == 8  # (8/15, 9/15]


def test_the_temperature_minimises_the_nll_of_the_held_out_examples():
    logits, labels = drawn()
    labels = torch.where(torch.arange(500) % 3 == 0, labels, logits.argmax(1))

    def nll(log_temperature):
        return measure(logits.double() / math.exp(log_temperature), labels).nll

    found = minimize_scalar(nll, (-1, 2), method="brent", options={"xtol": 1e-10})
    temperature = fit_temperature(logits, labels)
    assert temperature == pytest.approx(math.exp(found.x), rel=1e-5)
    assert fit_temperature(7 * logits + 3, labels) == pytest.approx(7 * temperature, rel=1e-6)
    assert measure(logits / temperature, labels).nll < measure(logits, labels).nll


def test_a_calibrated_model_wants_temperature_1():
    logits = torch.tensor([[math.log(3), 0.0]] * 4)
    assert fit_temperature(logits, torch.tensor([0, 0, 0, 1])) == pytest.approx(1.0, rel=1e-6)


def test_where_no_temperature_is_best_there_is_none():
    logits = torch.tensor([[2.0, 0.0], [3.0, 1.0]])
    assert fit_temperature(logits, torch.tensor([0, 0])) is None  # all right: the lower the better
    assert fit_temperature(logits, torch.tensor([1, 1])) is None  # all wrong: the higher the better
    assert fit_temperature(torch.zeros(2, 2), torch.tensor([0, 1])) is None  # one as good as another


def test_logits_of_any_size_have_a_temperature():
    logits, labels = drawn()
    labels = torch.where(torch.arange(500) % 3 == 0, labels, logits.argmax(1))
    temperature = fit_temperature(logits, labels)
    for size in (1e-5, 1e9, 1e30):
        assert fit_temperature(logits.double() * size, labels) == pytest.approx(size * temperature, rel=1e-9)
    enormous = torch.tensor([[1e30, 0.0]] * 4 + [[2.0, 0.0]] * 4)  # and right: it says nothing of the temperature
    assert fit_temperature(enormous, torch.tensor([0] * 7 + [1])) == pytest.approx(2 / math.log(3), rel=1e-9)


def test_a_masked_class_takes_no_part_in_the_temperature():
    logits, labels = drawn(classes=3)
    masked = torch.cat([logits, torch.full((500, 1), -torch.inf)], 1)
    labels = torch.where(torch.arange(500) % 3 == 0, labels, logits.argmax(1))
    assert fit_temperature(masked, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-9)

"""Temperature and dustbin's bias, against scipy's minimum of the same NLL."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.testing import assert_close

from limbeck import ArgumentError
from limbeck.specialists.calibration import AS_IT_IS, Calibration, fit_generalist, fit_specialist


def sampled(temperature, bias, count=4000, seed=0):
    """Logits, and labels that are as likely as the logits say once they are divided and the dustbin is raised."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(count, 4, generator=generator, dtype=torch.double)
    probs = Calibration(temperature, bias)(logits).softmax(1)
    return logits, torch.multinomial(probs, 1, generator=generator).squeeze(1)


def nll(logits, labels, calibration):
    return float(-calibration(logits).log_softmax(1).gather(1, labels[:, None]).mean())


@pytest.mark.parametrize(("temperature", "bias"), [(1.0, 0.0), (2.5, 1.5), (0.4, -3.0), (6.0, 4.0)])
def test_what_made_the_labels_is_found_and_nothing_is_better(temperature, bias):
    logits, labels = sampled(temperature, bias)
    found = fit_specialist(logits, labels)
    assert found.temperature == pytest.approx(temperature, rel=0.15)
    assert found.bias == pytest.approx(bias, abs=0.25)
    dustbin = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=torch.double)
    best = minimize(
        lambda x: nll(logits, labels, lambda z: x[0] * z + x[1] * dustbin), [1.0, 0.0], method="Nelder-Mead"
    )
    assert nll(logits, labels, found) <= best.fun + 1e-7


def test_a_shift_of_all_logits_changes_nothing():
    logits, labels = sampled(2.0, 1.0, 500)
    first, second = fit_specialist(logits, labels), fit_specialist(logits + torch.randn(500, 1).double(), labels)
    assert first.temperature == pytest.approx(second.temperature, rel=1e-6)
    assert first.bias == pytest.approx(second.bias, abs=1e-6)


@pytest.mark.parametrize(("label", "reached"), [(3, 0.0), (0, np.log(3))])
def test_where_one_answer_is_always_right_the_fit_ends_finite(label, reached):
    logits, _ = sampled(1.0, 0.0, 50)  # of the first class they tell nothing but that it is not the dustbin
    found = fit_specialist(logits, torch.full((50,), label))
    assert np.isfinite([found.temperature, found.bias]).all()
    assert nll(logits, torch.full((50,), label), found) == pytest.approx(reached, abs=0.01)


def test_a_generalist_has_a_temperature_alone():
    logits, labels = sampled(3.0, 0.0)
    assert fit_generalist(logits, labels).temperature == pytest.approx(3.0, rel=0.1)
    right = torch.eye(3) * 5
    assert fit_generalist(right, torch.arange(3)) == AS_IT_IS


def test_as_it_is_changes_nothing_and_a_bias_is_the_dustbins():
    logits = torch.randn(3, 4)
    assert_close(AS_IT_IS(logits), logits)
    changed = Calibration(2.0, 1.0)(logits)
    assert_close(changed[:, :3], logits[:, :3] / 2)
    assert_close(changed[:, 3], logits[:, 3] / 2 + 1)


def test_labels_must_be_outcomes():
    with pytest.raises(ArgumentError, match=r"labels must lie in 0\.\.3, got 4\.\.4"):
        fit_specialist(torch.zeros(2, 4), torch.tensor([4, 4]))


def test_a_specialist_that_has_all_right_keeps_its_temperature():
    labels = torch.arange(30) % 3
    found = fit_specialist(5 * torch.eye(3)[labels], labels)
    assert found.temperature == 1
    assert abs(found.bias) < 0.1
    lifted = 5 * torch.eye(3)[labels] - torch.tensor([0.0, 0.0, 9.0])  # all right but for the dustbin, which is too low
    found = fit_specialist(lifted, labels)
    assert found.temperature == 1
    assert torch.equal(found(lifted).argmax(1), labels)


@pytest.mark.parametrize("fit", [fit_generalist, fit_specialist])
def test_there_must_be_something_to_fit_by(fit):
    with pytest.raises(ArgumentError, match="a calibration must be fitted on one or more held-out examples, got none"):
        fit(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long))


@pytest.mark.parametrize("other", [torch.nan, torch.inf, -torch.inf])
def test_logits_that_are_no_numbers_end_the_fit(other):
    logits = torch.tensor([[0.0, 1.0, other]] * 3)
    for fit in (fit_generalist, fit_specialist):
        with pytest.raises(ArgumentError, match="logits to be calibrated must be finite numbers"):
            fit(logits, torch.tensor([0, 1, 0]))


def test_logits_may_be_a_nets_in_training():
    logits, labels = sampled(2.0, 1.0, 200)
    assert fit_specialist(logits.clone().requires_grad_(), labels) == fit_specialist(logits, labels)


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_a_temperature_is_above_0(temperature):
    with pytest.raises(ArgumentError, match="temperature must be > 0"):
        Calibration(temperature)
    with pytest.raises(ArgumentError, match="a dustbin's bias must be a finite number, got inf"):
        Calibration(bias=float("inf"))

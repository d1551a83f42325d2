"""Mixtures: their densities by scipy, and EM that brings likelihood."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from limbeck.acoustic import gaussians
from limbeck.acoustic.gaussians import improved, log_likelihoods, one_gaussian_each, shared_out, split

pytest.importorskip("kaldi_hmm_gmm")


def two_states():
    random = np.random.default_rng(0)
    first = random.normal(0, 1, (200, 3))
    second = np.concatenate([random.normal(5, 1, (100, 3)), random.normal(-6, 0.5, (100, 3))])
    return np.concatenate([first, second]).astype(np.float32), np.repeat([0, 1], 200)


def test_one_gaussian_a_state_is_that_of_its_frames():
    frames, alignment = two_states()
    mixtures = one_gaussian_each(frames, 2)
    improved(mixtures, frames, alignment, 2)
    found = log_likelihoods(mixtures, frames)
    assert found.shape == (400, 2)
    for state in (0, 1):
        own = frames[alignment == state].astype(float)
        np.testing.assert_allclose(found[:, state], norm.logpdf(frames, own.mean(0), own.std(0)).sum(1), atol=1e-2)


def test_mixtures_densities_are_sums_over_their_gaussians(monkeypatch):
    frames, alignment = two_states()
    mixtures = one_gaussian_each(frames, 2)
    for goal in (2, 4, 6, 6, 6, 6, 6, 0):
        improved(mixtures, frames, alignment, goal)
    assert mixtures.num_gauss == 6
    found = log_likelihoods(mixtures, frames)
    for state in (0, 1):
        own = mixtures.get_pdf(state)
        variance = 1 / np.asarray(own.inv_vars, float)
        parts = norm.logpdf(frames[:, None], np.asarray(own.means_invvars) * variance, np.sqrt(variance)).sum(-1)
        np.testing.assert_allclose(found[:, state], logsumexp(parts + np.log(own.weights), 1), atol=1e-2)
    monkeypatch.setattr(gaussians, "MOST_BYTES", 7 * 4 * 6)  # seven frames at a time
    np.testing.assert_allclose(log_likelihoods(mixtures, frames), found, atol=1e-3)
    likely = found[np.arange(400), alignment].mean()
    single = one_gaussian_each(frames, 2)
    improved(single, frames, alignment, 2)
    assert likely > log_likelihoods(single, frames)[np.arange(400), alignment].mean() + 0.4


def test_a_split_keeps_the_weight_and_the_mean_and_is_the_same_each_time():
    frames, alignment = two_states()
    mixtures = one_gaussian_each(frames, 2)
    improved(mixtures, frames, alignment, 2)
    before = mixtures.get_pdf(1)
    mean, deviation = np.asarray(before.means_invvars / before.inv_vars)[0], 1 / np.sqrt(np.asarray(before.inv_vars)[0])
    split(before, 2)
    after = np.asarray(before.means_invvars / before.inv_vars)
    np.testing.assert_allclose(after, [mean - 0.2 * deviation, mean + 0.2 * deviation], atol=1e-4)
    assert before.weights.tolist() == [0.5, 0.5]
    split(before, 3)
    assert before.weights.tolist() == [0.25, 0.5, 0.25]
    assert shared_out(np.array([39.0, 1000.0]), [1, 1], 9) == [1, 8]  # 20 frames each, at least
    assert shared_out(np.array([39.0, 30.0]), [1, 1], 9) == [1, 1]

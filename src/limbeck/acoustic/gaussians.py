"""Mixtures of diagonal Gaussians, one a tied state: what a state's frames look like, by kaldi-hmm-gmm."""

import heapq
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from numpy.typing import NDArray

from limbeck.acoustic.needed import needed

POWER, LEAST_FRAMES = 0.25, 20.0  # by which Kaldi's recipes share Gaussians out
APART = 0.2  # deviations between a Gaussian and its halves, as HTK has it
MOST_BYTES = 2**27  # of what is between frames and scores

Mixtures = Any
"""kaldi-hmm-gmm's AmDiagGmm."""


def one_gaussian_each(frames: Float32[np.ndarray, "frames features"], num_states: int) -> Mixtures:
    """Return mixtures of one Gaussian each, all the same: mean and variance of all frames."""
    kaldi = needed("kaldi_hmm_gmm")
    gaussian = kaldi.DiagGmm(1, frames.shape[1])
    variance = np.maximum(frames.var(0, dtype=np.float64), 1e-6)[None]
    gaussian.set_invvars_and_means(
        (1 / variance).astype(np.float32), frames.mean(0, np.float64)[None].astype(np.float32)
    )
    gaussian.set_weights(np.ones(1, np.float32))
    gaussian.compute_gconsts()
    mixtures = kaldi.AmDiagGmm()
    mixtures.init(gaussian, num_states)
    return mixtures


def improved(
    mixtures: Mixtures,
    frames: Float32[np.ndarray, "frames features"],
    alignment: NDArray[np.int64],
    num_gaussians: int,
) -> None:
    """Fit mixtures to the frames aligned with their states by one step of EM, then split them, in place.

    Args:
        mixtures: one a state.
        frames: of all utterances.
        alignment: the state of each frame.
        num_gaussians: how many there may be in all; none are split where there are as many.
    """
    kaldi = needed("kaldi_hmm_gmm")
    everything = kaldi.str_to_gmm_flags("mvw")
    sums = kaldi.AccumAmDiagGmm()
    sums.init(mixtures, everything)
    for frame, state in zip(frames, alignment.tolist(), strict=True):
        sums.accumulate_for_gmm(mixtures, frame, state, 1.0)
    kaldi.mle_am_diag_gmm_update(kaldi.MleDiagGmmOptions(), sums, everything, mixtures)
    if num_gaussians > mixtures.num_gauss:
        counts = np.bincount(alignment, minlength=mixtures.num_pdfs).astype(np.float32)
        own = [mixtures.get_pdf(state) for state in range(mixtures.num_pdfs)]
        for mixture, number in zip(
            own, shared_out(counts, [each.num_gauss for each in own], num_gaussians), strict=True
        ):
            split(mixture, number)
    mixtures.compute_gconsts()


def shared_out(counts: NDArray[np.floating], numbers: Sequence[int], most: int) -> list[int]:
    """Return how many Gaussians each state shall have, `most` in all where there are frames enough.

    They are given out one by one, to the state with the most frames^0.25 for each it has, as Kaldi does.

    >>> shared_out(np.array([10_000.0, 100, 30]), [1, 1, 1], 6)
    [4, 1, 1]
    """
    found = list(numbers)
    waiting = [(-(count**POWER) / own, state) for state, (count, own) in enumerate(zip(counts, found, strict=True))]
    heapq.heapify(waiting)
    left = most - sum(found)
    while left > 0 and waiting:
        _, state = heapq.heappop(waiting)
        if counts[state] < LEAST_FRAMES * (found[state] + 1):
            continue
        found[state] += 1
        left -= 1
        heapq.heappush(waiting, (-(counts[state] ** POWER) / found[state], state))
    return found


def split(mixture: Any, number: int) -> None:
    """Make a mixture one of so many Gaussians, in place: the heaviest is split in two, time and again.

    The halves lie a fifth of a deviation to both sides of it, as HTK has them; Kaldi's lie at random, so that no two
    runs would end alike.
    """
    weights, inverse = (np.array(each) for each in (mixture.weights, mixture.inv_vars))
    means = np.array(mixture.means_invvars) / inverse
    while len(weights) < number:
        heaviest = int(weights.argmax())
        aside = APART / np.sqrt(inverse[heaviest])
        weights[heaviest] /= 2
        weights = np.append(weights, weights[heaviest])
        inverse = np.concatenate([inverse, inverse[heaviest : heaviest + 1]])
        means = np.concatenate([means, means[heaviest : heaviest + 1] + aside])
        means[heaviest] -= aside
    mixture.resize(len(weights), inverse.shape[1])
    mixture.set_weights(weights)
    mixture.set_invvars_and_means(inverse, means)
    mixture.compute_gconsts()


def log_likelihoods(
    mixtures: Mixtures, frames: Float32[np.ndarray, "frames features"]
) -> Float32[np.ndarray, "frames states"]:
    """Return how probable each frame is in each state: all Gaussians' exponents in one product of matrices."""
    own = [mixtures.get_pdf(state) for state in range(mixtures.num_pdfs)]
    sizes = [each.num_gauss for each in own]
    linear = np.concatenate([each.means_invvars for each in own])
    square = np.concatenate([-0.5 * each.inv_vars for each in own])
    constant = np.concatenate([each.gconsts for each in own])
    weights = np.concatenate([linear, square], 1).T
    first = np.cumsum(sizes) - sizes
    rows = max(1, MOST_BYTES // (4 * len(constant)))
    found = np.empty((len(frames), len(own)), np.float32)
    for start in range(0, len(frames), rows):
        part = frames[start : start + rows]
        exponents = np.concatenate([part, part**2], 1) @ weights + constant
        highest = np.maximum.reduceat(exponents, first, 1)
        exponents -= np.repeat(highest, sizes, 1)
        np.exp(exponents, out=exponents)
        found[start : start + rows] = np.log(np.add.reduceat(exponents, first, 1)) + highest
    return found

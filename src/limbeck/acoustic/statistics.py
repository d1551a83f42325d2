"""Statistics of tri-phones: how often each state of each was seen, and what its frames add up to."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from numpy.typing import NDArray

from limbeck.acoustic.alignment import Alignments
from limbeck.acoustic.states import NUM_POSITIONS, SILENCE_NUMBER, TiedStates, phones_of, windows_of
from limbeck.data.utterances import Utterances

LEAST_VARIANCE = 0.01  # of normalised features, as Kaldi floors it where it builds trees


@dataclass(frozen=True, eq=False)
class TriphoneStatistics:
    """Sums over the frames of each state of each tri-phone that was seen: all that a tree needs to know."""

    windows: NDArray[np.int64]
    """Phone before, phone, phone after, (states, 3); silence beyond an utterance's ends."""
    roots: NDArray[np.int64]
    """Phone and position: 3 · (phone - 1) + position."""
    counts: Float64[np.ndarray, " states"]
    """Frames."""
    sums: Float64[np.ndarray, "states features"]
    """Of the frames."""
    squares: Float64[np.ndarray, "states features"]
    """Of the frames' squares."""


def triphone_statistics(utterances: Utterances, alignments: Alignments, states: TiedStates) -> TriphoneStatistics:
    """Return the statistics of utterances whose frames are aligned with states, which may be monophones'."""
    keys, frames = [], []
    for each in utterances.ids:
        alignment = alignments[each]
        phones, first = phones_of(alignment, states)
        windows = np.array(windows_of(phones))
        windows[windows == 0] = SILENCE_NUMBER
        lengths = np.diff(np.r_[first, len(alignment)])
        roots = states.roots[alignment]
        keys.append(np.c_[np.repeat(windows, lengths, 0), roots])
        frames.append(utterances.frames_of(each))
    seen, place = np.unique(np.concatenate(keys), axis=0, return_inverse=True)
    values = np.concatenate(frames)
    return TriphoneStatistics(
        windows=seen[:, :3],
        roots=seen[:, 3],
        counts=np.bincount(place).astype(np.float64),
        sums=_summed(values, place, len(seen)),
        squares=_summed(values**2, place, len(seen)),
    )


def _summed(
    values: Float32[np.ndarray, "frames features"], place: NDArray[np.int64], count: int
) -> Float64[np.ndarray, "states features"]:
    return np.stack([np.bincount(place, column, count) for column in values.T], 1).astype(np.float64)


def log_likelihood(
    counts: Float64[np.ndarray, " groups"],
    sums: Float64[np.ndarray, "groups features"],
    squares: Float64[np.ndarray, "groups features"],
) -> Float64[np.ndarray, " groups"]:
    """Return the log-likelihood of frames under the one diagonal Gaussian that fits them best, from their sums.

    -n/2 · Σ_d (log 2π σ_d² + 1), by which trees are grown (Young et al. 1994); 0 where there are no frames.
    """
    n = np.maximum(counts, 1e-10)[:, None]
    variance = np.maximum(squares / n - (sums / n) ** 2, LEAST_VARIANCE)
    return -0.5 * counts * (np.log(2 * np.pi * variance) + 1).sum(-1)


def num_roots(num_phones: int) -> int:
    """Return how many trees there are: one for each phone and position."""
    return NUM_POSITIONS * num_phones

"""From samples to frames, by kaldi-native-fbank: mel filterbanks, cepstra, and how both move.

A frame is a window of 25 ms, every 10 ms. No noise is added (Kaldi's dither), so equal sound gives equal frames.
"""

from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Float32

from limbeck.data.audio import EXTRA_HINT, FULL_SCALE, Audio
from limbeck.data.utterances import Frames
from limbeck.errors import ArgumentError, DataError

FRAME_MS, SHIFT_MS = 25, 10
SECONDS_A_FRAME = SHIFT_MS / 1000
MOST_FILTERS = 128
LOWEST_HZ, HIGHEST_HZ = 130.0, 6800.0  # of AN4's cepstra, as its features were made
CEPSTRA, CEPSTRAL_FILTERS = 13, 40


def filterbanks(audio: Audio, num_filters: int = 40) -> Frames:
    """Return the logs of mel filterbanks (frames, num_filters), as the paper's nets see them (s. 4).

    Raises:
        ArgumentError: `num_filters` outside 1..128.
        DataError: kaldi-native-fbank is not installed.
    """
    if not 1 <= num_filters <= MOST_FILTERS:
        raise ArgumentError(f"num_filters must lie in 1..{MOST_FILTERS}, got {num_filters}")
    fbank = _kaldi()
    options = _framed(fbank.FbankOptions(), audio.rate)
    options.mel_opts.num_bins = num_filters
    return _frames(fbank.OnlineFbank(options), audio)


def cepstra(audio: Audio) -> Frames:
    """Return 13 cepstra (frames, 13) of 40 mel filters between 130 and 6800 Hz: means over filters of log · cos.

    They are AN4's in kind, not in value: its own features came from another front end. Its scale is theirs, too, for
    `in_another_voice` makes a spectrum of cepstra: none is lifted (Kaldi's liftering), none is longer than another.

    Raises:
        DataError: the rate is too low for 6800 Hz, or kaldi-native-fbank is not installed.
    """
    if audio.rate < 2 * HIGHEST_HZ:
        raise DataError(
            f"cepstra up to {HIGHEST_HZ:.0f} Hz need {2 * HIGHEST_HZ:.0f} samples a second, got {audio.rate}"
        )
    fbank = _kaldi()
    options = _framed(fbank.MfccOptions(), audio.rate)
    options.mel_opts.num_bins, options.num_ceps, options.use_energy = CEPSTRAL_FILTERS, CEPSTRA, False
    options.mel_opts.low_freq, options.mel_opts.high_freq = LOWEST_HZ, HIGHEST_HZ
    options.cepstral_lifter = 0.0
    lengths = np.sqrt(CEPSTRAL_FILTERS * np.r_[1, [2] * (CEPSTRA - 1)])  # Kaldi's cosines have length 1
    return (_frames(fbank.OnlineMfcc(options), audio) / lengths).astype(np.float32)


def with_deltas(frames: Frames) -> Float32[np.ndarray, "frames threefold"]:
    """Return each frame followed by its slopes over five frames and their slopes (frames, 3 features)."""
    fbank = _kaldi()
    return np.ascontiguousarray(fbank.compute_deltas(fbank.DeltaOptions(), np.ascontiguousarray(frames)))


def num_frames(num_samples: int, rate: int) -> int:
    """Return how many frames so many samples give: one every 10 ms, rounded.

    >>> num_frames(8000, 8000), num_frames(30, 8000)
    (100, 0)
    """
    shift = rate * SHIFT_MS // 1000
    return (num_samples + shift // 2) // shift


def _framed(options: Any, rate: int) -> Any:
    options.frame_opts.samp_freq, options.frame_opts.dither = rate, 0.0
    options.frame_opts.snip_edges = False  # so that times are told by frames: 10 ms each, from the first
    return options


def _frames(online: Any, audio: Audio) -> Frames:
    online.accept_waveform(audio.rate, (audio.samples * FULL_SCALE).tolist())
    online.input_finished()
    if not online.num_frames_ready:
        raise DataError(f"sound must be long enough for a frame of {FRAME_MS} ms, got {len(audio.samples)} samples")
    return np.stack([online.get_frame(each) for each in range(online.num_frames_ready)])


def _kaldi() -> ModuleType:
    try:
        import kaldi_native_fbank
    except ImportError as error:
        raise DataError("features of speech need the package kaldi-native-fbank", EXTRA_HINT) from error
    return kaldi_native_fbank

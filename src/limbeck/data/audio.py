"""Audio files as samples; what is wrong with a file is said."""

from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from jaxtyping import Float32, Int16

from limbeck.errors import DataError

EXTRA_HINT = "pip install 'limbeck[speech]'"
FULL_SCALE = 32_768  # of 16 bits: what the field's filterbanks are used to
LARGEST = FULL_SCALE - 1  # whole number of 16 bits
LOUDEST = 1000  # samples of floating point may go beyond full scale, but their squares must be finite
SHORTEST_S = 0.005  # half the way from a frame to the next: what is shorter has none
RAW_RATE = 16_000  # of files without a header, as AN4 has them
ENDLESS = 2**31 - 2**16  # bytes: what streams are told to have whose end nobody knew
AUDIO = (".wav", ".sph", ".flac", ".raw")

Samples = Float32[np.ndarray, " samples"]


class Audio(NamedTuple):
    """One channel, its values in -1..1, and how many samples are a second."""

    samples: Samples
    rate: int

    def in_16_bits(self) -> Int16[np.ndarray, " samples"]:
        """Return the samples as whole numbers of 16 bits; what is louder than full scale is clipped."""
        return np.round(self.samples.clip(-1, 1) * LARGEST).astype(np.int16)

    @classmethod
    def from_16_bits(cls, samples: Int16[np.ndarray, " samples"], rate: int) -> "Audio":
        """Return what `in_16_bits` made whole numbers of."""
        return cls(samples.astype(np.float32) / LARGEST, rate)


def read_audio(path: Path) -> Audio:
    """Return a file's samples: what libsndfile reads (WAV, NIST's SPHERE, FLAC, ...), or 16 bits without a header.

    Raises:
        DataError: the file is missing, broken or empty, has several channels, or soundfile is not installed.
    """
    try:
        samples, rate = _without_header(path) if path.suffix.lower() == ".raw" else _with_header(path)
    except OSError as error:
        raise DataError(f"{path} must be there, it can't be read: {error.strerror or error}") from error
    if samples.ndim != 1:
        raise DataError(f"{path} must have one channel, it has {samples.shape[1]}", "mix them down first")
    if not len(samples):
        raise DataError(f"{path} must hold sound, it has no samples")
    if not np.isfinite(samples).all():
        raise DataError(f"{path} must hold finite samples, some are not numbers")
    if np.abs(samples).max() > LOUDEST:
        raise DataError(
            f"{path} must hold samples in ±{LOUDEST:,}, 1 being full scale, the largest is {np.abs(samples).max():g}"
        )
    if len(samples) < SHORTEST_S * rate:
        raise DataError(f"{path} must be long enough for a frame, it has {len(samples)} samples")
    return Audio(samples, rate)


def _with_header(path: Path) -> tuple[np.ndarray, int]:
    try:
        import soundfile
    except ImportError as error:
        raise DataError("audio files need the package soundfile", EXTRA_HINT) from error
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise DataError(f"{path} must hold sound, it is empty")
        try:
            found = soundfile.read(file, dtype="float32")
        except soundfile.LibsndfileError as error:
            raise DataError(f"{path} must be an audio file: {error.error_string}") from error
        _check_whole(path, file)
        return found


def _check_whole(path: Path, file: BinaryIO) -> None:
    """Refuse a WAV file that ends before its header says so: libsndfile reads what is left without a word."""
    file.seek(0)
    head, size = file.read(8), path.stat().st_size
    told = int.from_bytes(head[4:], "little") + 8
    if head[:4] == b"RIFF" and size < told < ENDLESS:
        raise DataError(f"{path} must be whole, its header tells of {told:,} bytes, it has {size:,}")


def _without_header(path: Path) -> tuple[Samples, int]:
    """Return 16-bit samples in the byte order in which they are the smoother: the wrong one makes noise of speech."""
    content = path.read_bytes()
    if len(content) % 2:
        raise DataError(f"{path} must hold samples of 16 bits, it has {len(content)} bytes")
    orders = (np.frombuffer(content, order).astype(np.float32) / FULL_SCALE for order in ("<i2", ">i2"))
    return min(orders, key=lambda samples: float(np.abs(np.diff(samples)).sum())), RAW_RATE

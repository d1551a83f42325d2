"""Other voices and other paces: what is seen of an utterance as if somebody else had said it, quicker or slower.

The length of the vocal tract shifts the spectrum's frequencies (Jaitly & Hinton 2013, VTLP), the pace moves the frames
of a window apart (Ko et al. 2015). The paper's 2000 hours need neither, an hour of speech does.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray
from torch import Tensor

from limbeck.data.filterbanks import CEPSTRA, CEPSTRAL_FILTERS, HIGHEST_HZ, LOWEST_HZ
from limbeck.data.philox import below, philox
from limbeck.data.splice import Splice
from limbeck.data.transfer_set import TransferSet
from limbeck.data.utterances import Frames
from limbeck.data.views import Plain
from limbeck.errors import ArgumentError
from limbeck.files import sha256

STREAM = 9  # of philox, for voices and paces
FINE = 2**16  # steps of a pace, from the slowest to the quickest
MEL_HZ = 700.0


@dataclass(frozen=True, eq=False)
class Perturbed:
    """Spliced frames of a voice drawn among some, at a pace drawn evenly from 1 - pace to 1 + pace.

    View number v of a frame is a pure function of (seed, frame, v), so a student sees what its teacher judged.
    """

    splice: Splice
    """The windows."""
    voices: Float[Tensor, "voices rows features"]
    """The source's frames in each voice, their own perhaps among them."""
    pace: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.voices.ndim != 3 or not len(self.voices) or self.voices.shape[1:] != self.splice.source.inputs.shape:
            raise ArgumentError(
                f"voices must be one or more times the source's frames, {tuple(self.splice.source.inputs.shape)}, "
                f"got {tuple(self.voices.shape)}"
            )
        if not 0 <= self.pace < 1:
            raise ArgumentError(f"pace must lie in 0..1, 1 excluded, got {self.pace}")

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        words = philox(self.seed, STREAM, ids.cpu().numpy(), number)
        voice = torch.from_numpy(below(words[0], len(self.voices)))
        paces = 1 + self.pace * (torch.from_numpy(below(words[1], FINE + 1)) * 2 / FINE - 1)
        away = torch.arange(-self.splice.before, self.splice.after + 1)
        rows = self.splice.within(ids.cpu()[:, None] + (away * paces[:, None]).round().long(), ids.cpu())
        places = voice[:, None] * self.voices.shape[1] + rows
        flat = self.voices.flatten(0, 1)
        return flat.index_select(0, places.flatten().to(flat.device)).view(*places.shape, -1).to(inputs.device)

    def spec(self) -> dict[str, Any]:
        told = {"name": "perturbed", "pace": self.pace, "seed": self.seed, "splice": self.splice.spec()}
        return {**told, "voices": sha256(self.voices.numpy().data)}


def unaugmented(data: TransferSet) -> TransferSet:
    """Return a set seen as nets take its rows when nothing augments them: frames spliced where they are, else plain."""
    if isinstance(data.view, Perturbed):
        return data.seen_through(data.view.splice)
    return data if isinstance(data.view, Splice) else data.seen_through(Plain())


def in_another_voice(factor: float, cepstra: Frames) -> Frames:
    """Return cepstra (frames, 13) of a vocal tract so many times as long: the spectrum at `factor` times a frequency.

    >>> loudness = np.eye(1, 13, dtype=np.float32)  # which no vocal tract changes
    >>> bool(np.allclose(in_another_voice(1.1, loudness), loudness, atol=1e-6))
    True
    """
    return (cepstra @ warping(factor).T).astype(np.float32)


def warping(factor: float) -> Float64[np.ndarray, "cepstra cepstra"]:
    """Return the linear map of cepstra by which the smooth spectrum that they tell of is read at other frequencies.

    From cepstra to the logs of mel filters, from a filter to what stands at `factor` times its middle (at the edges
    what is nearest), and back; `cepstra[k] = mean over filters of log · cos`, as AN4's front end has it.
    """
    low, high = _mel(np.array([LOWEST_HZ, HIGHEST_HZ]))
    step = (high - low) / (CEPSTRAL_FILTERS + 1)
    middles = low + step * np.arange(1, CEPSTRAL_FILTERS + 1)
    read = (_mel(factor * MEL_HZ * np.expm1(middles)) - low) / step - 1
    read = read.clip(0, CEPSTRAL_FILTERS - 1)
    order = np.arange(CEPSTRA)
    back = 2 * np.cos(np.pi / CEPSTRAL_FILTERS * np.outer(read + 0.5, order))
    back[:, 0] = 1
    forth = np.cos(np.pi / CEPSTRAL_FILTERS * np.outer(order, np.arange(CEPSTRAL_FILTERS) + 0.5)) / CEPSTRAL_FILTERS
    return forth @ back


def _mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log1p(hertz / MEL_HZ)

"""Spliced frames: what a net sees of an utterance when it judges one frame (Hinton et al. 2015, s. 4)."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from limbeck.data.transfer_set import TransferSet
from limbeck.errors import ArgumentError

MOST = 1000  # frames of a window


@dataclass(frozen=True, eq=False)
class Splice:
    """The view of frames in which each comes with those around it, shape (batch, before + 1 + after, features).

    At an utterance's ends its first or last frame stands for those that are not there. The paper's nets see 26 frames
    and judge the 21st: before = 20, after = 5.
    """

    source: TransferSet
    """The frames, in runs; the view is for the rows of this source and no other."""
    before: int = 20
    after: int = 5
    _on: dict[torch.device, tuple[Tensor, Tensor, Tensor]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.source.run_lengths is None:
            raise ArgumentError("spliced frames are those of a set in runs, run_lengths are not there")
        if self.before < 0 or self.after < 0 or self.before + 1 + self.after > MOST:
            raise ArgumentError(
                f"before and after must be >= 0, together below {MOST} frames, got {self.before} and {self.after}"
            )

    def __call__(self, inputs: Tensor, ids: Int[Tensor, " batch"], number: int) -> Tensor:
        frames = self._held(inputs.device)[0]
        if inputs.shape[1:] != frames.shape[1:]:
            raise ArgumentError(
                f"spliced frames must be rows of their own source, of shape {tuple(frames.shape[1:])}, "
                f"got {tuple(inputs.shape[1:])}"
            )
        rows = ids.to(inputs.device)
        around = rows[:, None] + torch.arange(-self.before, self.after + 1, device=inputs.device)
        return frames[self.within(around, rows)]

    def within(self, around: Int[Tensor, "batch frames"], rows: Int[Tensor, " batch"]) -> Int[Tensor, "batch frames"]:
        """Return the source's rows around some of its rows, none of them beyond the run of its own."""
        _, first, last = self._held(rows.device)
        return around.clamp(first[rows, None], last[rows, None])

    def spec(self) -> dict[str, Any]:
        return {"name": "splice", "before": self.before, "after": self.after, "source": self.source.fingerprint}

    def _held(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Return the source's frames, and of each the first and the last row of its run, on a device."""
        if device not in self._on:
            lengths = self.source.run_lengths
            assert lengths is not None
            ends = lengths.cumsum(0)
            first, last = (each.repeat_interleave(lengths) for each in (ends - lengths, ends - 1))
            self._on[device] = (self.source.inputs.to(device), first.to(device), last.to(device))
        return self._on[device]

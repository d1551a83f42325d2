"""Dropout at the cost of a quarter of the random numbers."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from limbeck.errors import ArgumentError

BITS = 16  # of randomness for each unit: four units share one 64-bit draw
LOWEST, LEVELS = -(2 ** (BITS - 1)), 2**BITS


class Dropout(nn.Module):
    """Set each unit to 0 with probability `rate` while training, and scale the rest up to the same mean.

    torch.nn.Dropout draws a generator's number for each unit, which on a CPU costs as much as the layer it follows.
    Here the rate is rounded to a multiple of 1/65,536 and four units share a draw. Elsewhere it is torch's own.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ArgumentError(f"a dropout rate must lie in 0..1, 1 excluded, got {rate}")
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the inputs with units dropped, in the same shape and type."""
        if not self.training or self.rate == 0:
            return inputs
        if inputs.device.type != "cpu":
            return dropout(inputs, self.rate)
        dropped = min(round(self.rate * LEVELS), LEVELS - 1)
        draws = torch.empty(-(-inputs.numel() * BITS // 64), dtype=torch.int64).random_(-(2**63), None)
        levels = draws.view(torch.int16)[: inputs.numel()].view(inputs.shape)
        return inputs * (levels >= LOWEST + dropped).to(inputs.dtype).mul_(LEVELS / (LEVELS - dropped))

    def extra_repr(self) -> str:
        return f"rate={self.rate}"

"""The sampled encoding: classes drawn by importance, so that the gradient is right on average.

Where many classes share the mass, as at high temperature, top-k leaves most of it out. Here each row draws classes
from its own softened distribution (the mean of those at the declared temperatures) and keeps each draw's logit and
the distributions' totals, from which a draw's weight p_T(class) / (samples · proposal(class)) follows exactly: the
expected weight of a class is its probability.

Draws are systematic: one uniform number u places them at (u + j)/samples along the cumulated proposal. That has the
same expectation as independent draws and less variance. u is a pure function of (seed, row).
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limbeck.data.philox import philox
from limbeck.divergence import SampledTargets
from limbeck.errors import ArgumentError
from limbeck.targets.encoding import (
    Columns,
    checked,
    checked_temperatures,
    class_numbers,
    index_of,
    narrowest,
    to_float16,
)

STREAM = 3  # of philox, for draws
MOST_SAMPLES = 65_536


@dataclass(frozen=True)
class Sampled:
    """`samples` draws a row: class, logit in float16, and log Σ exp(logit/T) at each declared temperature."""

    samples: int
    temperatures: tuple[float, ...]
    """Temperatures it will be used at."""
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.samples, bool) or not isinstance(self.samples, int) or not 1 <= self.samples <= MOST_SAMPLES:
            raise ArgumentError(f"samples must be a whole number in 1..{MOST_SAMPLES}, got {self.samples}")
        object.__setattr__(self, "temperatures", checked_temperatures(self.temperatures))

    def spec(self) -> dict[str, Any]:
        return {"name": "sampled", **asdict(self)}

    def columns(self, num_classes: int) -> dict[str, tuple[np.dtype, int]]:
        return {
            "classes": (narrowest(num_classes), self.samples),
            "logits": (np.dtype(np.float16), self.samples),
            "log_totals": (np.dtype(np.float32), len(self.temperatures)),
        }

    def encode(self, logits: Tensor, rows: Tensor) -> Columns:
        rounded = to_float16(checked(logits).numpy())  # what is drawn from is what is kept: no bias from rounding
        wide = torch.from_numpy(rounded).double()
        log_totals = torch.stack([(wide / temperature).logsumexp(-1) for temperature in self.temperatures], -1)
        proposal = self._log_proposal(wide, log_totals).exp()
        classes = self._draw(proposal, rows)
        return {
            "classes": classes.numpy().astype(narrowest(logits.shape[1])),
            "logits": np.take_along_axis(rounded, classes.numpy(), -1),
            "log_totals": log_totals.float().numpy(),
        }

    def _log_proposal(self, logits: Tensor, log_totals: Tensor) -> Tensor:
        """Return the log of the mean of the declared temperatures' distributions, for any of a row's logits."""
        each = [logits / t - log_totals[:, i, None] for i, t in enumerate(self.temperatures)]
        return torch.stack(each).logsumexp(0) - np.log(len(each))

    def _draw(self, proposal: Tensor, rows: Tensor) -> Tensor:
        word = philox(self.seed, STREAM, rows.numpy(), 0)[0]
        start = torch.from_numpy((word.astype(np.float64) + 0.5) / 2**32)  # in 0..1, neither of them
        cumulated = proposal.cumsum(-1)
        places = (start.unsqueeze(-1) + torch.arange(self.samples)) / self.samples * cumulated[:, -1:]
        return torch.searchsorted(cumulated, places, right=True).clamp_(max=proposal.shape[1] - 1)

    def decode(self, columns: Columns, temperature: float, num_classes: int) -> SampledTargets:
        logits, classes = self.known_logits(columns)
        totals = torch.from_numpy(columns["log_totals"])
        index = index_of(temperature, self.temperatures)
        log_probs = logits / temperature - totals[:, index, None]
        log_weights = log_probs - self._log_proposal(logits, totals) - np.log(self.samples)
        return SampledTargets(classes, log_weights.exp(), log_probs, temperature, num_classes)

    def known_logits(self, columns: Columns) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(columns["logits"]).float(), class_numbers(columns["classes"])

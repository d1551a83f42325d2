"""The top-k encoding: a row's k most probable classes, and the mass of all others at each declared temperature.

For many classes. The tail's mass depends on the temperature and can't be had again from k logits, so a row serves the
temperatures it was written for and no other. It is biased inside the tail (there the student is free); `Sampled` is
not, and is noisier.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from limbeck.divergence import TopKTargets
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


@dataclass(frozen=True)
class TopK:
    """k logits in float16, less the row's maximum, their classes in the narrowest integer, and the tail's log-mass."""

    k: int
    temperatures: tuple[float, ...]
    """Temperatures it will be used at."""

    def __post_init__(self) -> None:
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise ArgumentError(f"k must be a whole number >= 1, got {self.k}")
        object.__setattr__(self, "temperatures", checked_temperatures(self.temperatures))

    def spec(self) -> dict[str, Any]:
        return {"name": "top_k", **asdict(self)}

    def columns(self, num_classes: int) -> dict[str, tuple[np.dtype, int]]:
        if self.k > num_classes:
            raise ArgumentError(f"k must not exceed the {num_classes} classes, got {self.k}")
        return {
            "classes": (narrowest(num_classes), self.k),
            "logits": (np.dtype(np.float16), self.k),
            "log_tail": (np.dtype(np.float32), len(self.temperatures)),
        }

    def encode(self, logits: Tensor, rows: Tensor) -> Columns:
        shifted = checked(logits)
        top = shifted.topk(self.k, dim=-1)  # in falling order, the most probable class first
        tails = []
        for temperature in self.temperatures:
            masses = shifted.div(temperature).exp_()
            total = masses.sum(-1)
            tails.append((masses.scatter_(-1, top.indices, 0).sum(-1) / total).log_())
        return {
            "classes": top.indices.numpy().astype(narrowest(logits.shape[1])),
            "logits": to_float16(top.values.numpy()),
            "log_tail": torch.stack(tails, -1).clamp(max=0).numpy(),
        }

    def decode(self, columns: Columns, temperature: float, num_classes: int) -> TopKTargets:
        logits, classes = self.known_logits(columns)
        log_tail = torch.from_numpy(columns["log_tail"][:, index_of(temperature, self.temperatures)].copy())
        return TopKTargets(classes, logits, log_tail, temperature, num_classes)

    def known_logits(self, columns: Columns) -> tuple[Tensor, Tensor]:
        return torch.from_numpy(columns["logits"]).float(), class_numbers(columns["classes"])

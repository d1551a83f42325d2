"""The dense encoding: every logit of a row, in float16 less the row's maximum, or in float32.

The maximum is subtracted because float16 then keeps the likely classes finest: T²·KL to the truth is of the order of
1e-6 (below 1e-5 for logits with an sd of 4, T up to 20), and the most probable class never changes. It serves every
temperature.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from limbeck.divergence import DenseTargets
from limbeck.errors import ArgumentError
from limbeck.targets.encoding import Columns, checked, checked_temperatures, to_float16

Kind = Literal["float16", "float32"]


@dataclass(frozen=True)
class Dense:
    """Every class's logit."""

    dtype: Kind = "float16"
    temperatures: tuple[float, ...] | None = None
    """Every temperature where None; an arithmetic mean that was written once (`fuse`) serves the one it was made at."""

    def __post_init__(self) -> None:
        if self.dtype not in get_args(Kind):
            raise ArgumentError(f"a dense encoding must be one of {', '.join(get_args(Kind))}, got {self.dtype!r}")
        if self.temperatures is not None:
            object.__setattr__(self, "temperatures", checked_temperatures(self.temperatures))

    def spec(self) -> dict[str, Any]:
        return {"name": "dense", **asdict(self)}

    def columns(self, num_classes: int) -> dict[str, tuple[np.dtype, int]]:
        return {"logits": (np.dtype(self.dtype), num_classes)}

    def encode(self, logits: Tensor, rows: Tensor) -> Columns:
        shifted = checked(logits).numpy()
        if self.dtype == "float16":
            return {"logits": to_float16(shifted)}
        lowest = np.finfo(np.float32).min
        return {"logits": np.where(np.isneginf(shifted), -np.inf, np.maximum(shifted, lowest)).astype(np.float32)}

    def decode(self, columns: Columns, temperature: float, num_classes: int) -> DenseTargets:
        return DenseTargets(self.known_logits(columns)[0])

    def known_logits(self, columns: Columns) -> tuple[Tensor, None]:
        return torch.from_numpy(columns["logits"]).float(), None

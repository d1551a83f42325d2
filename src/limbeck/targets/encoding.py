"""How a row of logits is kept: what the three encodings share, and how one is told in the manifest."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from limbeck.divergence import BatchTargets
from limbeck.errors import ArgumentError, TargetsError
from limbeck.objective import check_temperature

Columns = dict[str, NDArray[Any]]
"""Encoded rows: arrays (rows, width) by name."""
LOWEST_FLOAT16 = -65504.0
MOST_TEMPERATURES = 100


@runtime_checkable
class Encoding(Protocol):
    """How rows of logits are kept, and what temperatures they then serve."""

    @property
    def temperatures(self) -> tuple[float, ...] | None:
        """Temperatures that are served; every one where None."""
        ...

    def spec(self) -> dict[str, Any]:
        """Return what the manifest tells of it: its name and fields."""
        ...

    def columns(self, num_classes: int) -> dict[str, tuple[np.dtype, int]]:
        """Return the type and width of each column.

        Raises:
            ArgumentError: the encoding does not fit so many classes.
        """
        ...

    def encode(self, logits: Tensor, rows: Tensor) -> Columns:
        """Return logits (rows, classes) as they are stored; `rows` are their numbers in the store."""
        ...

    def decode(self, columns: Columns, temperature: float, num_classes: int) -> BatchTargets:
        """Return stored rows as the objective takes them at a temperature that is served."""
        ...

    def known_logits(self, columns: Columns) -> tuple[Tensor, Tensor | None]:
        """Return (logits less their maximum, their classes), each (rows, kept); None where all classes are kept."""
        ...


def checked(logits: Tensor) -> Tensor:
    """Return logits in float32 on the CPU, each row less its maximum.

    Raises:
        TargetsError: a logit is NaN or +inf, or a row has no finite logit.
    """
    wide = logits.detach().float().cpu()
    top = wide.amax(-1, keepdim=True)
    if not torch.isfinite(top).all():
        row = int((~torch.isfinite(top)).flatten().nonzero()[0])
        raise TargetsError(
            f"a teacher's logits must have a finite maximum in each row, got {wide[row].tolist()[:10]}",
            "look at the teacher's output on this input: it is NaN or infinite",
        )
    return wide - top


def to_float16(shifted: NDArray[np.floating]) -> NDArray[np.float16]:
    """Round logits less their maximum; what is below the maximum stays below it, so that the top class is kept."""
    finite = np.where(np.isneginf(shifted), -np.inf, np.maximum(shifted, LOWEST_FLOAT16))
    stored = finite.astype(np.float16)
    stored[(stored == 0) & (shifted < 0)] = np.nextafter(np.float16(0), np.float16(-1))
    return stored


def narrowest(num_classes: int) -> np.dtype:
    """Return the narrowest unsigned integer that holds every class."""
    return np.min_scalar_type(num_classes - 1)


def class_numbers(stored: NDArray[Any]) -> Tensor:
    """Return stored classes as the tensor that indexes need."""
    return torch.from_numpy(stored.astype(np.int64))


def checked_temperatures(temperatures: Sequence[float]) -> tuple[float, ...]:
    """Return declared temperatures as floats, checked.

    Raises:
        ArgumentError: there are none, or too many, or one is out of range or there twice.
    """
    if isinstance(temperatures, int | float) or not 0 < len(temperatures) <= MOST_TEMPERATURES:
        raise ArgumentError(f"temperatures must be 1 to {MOST_TEMPERATURES} numbers > 0, got {temperatures}")
    for temperature in temperatures:
        check_temperature(temperature)
    if len(set(temperatures)) < len(temperatures):
        raise ArgumentError(f"temperatures must differ, got {temperatures}")
    return tuple(float(temperature) for temperature in temperatures)


def index_of(temperature: float, temperatures: Sequence[float]) -> int:
    """Return the place of a temperature that is known to be served."""
    return list(temperatures).index(float(temperature))


def encoding_of(spec: Mapping[str, Any]) -> Encoding:
    """Return the encoding a manifest tells of: the reverse of `spec()`.

    Raises:
        ArgumentError: it is none of this library's.
    """
    from limbeck.targets.dense import Dense
    from limbeck.targets.sampled import Sampled
    from limbeck.targets.top_k import TopK

    kinds: dict[str, type[Dense] | type[TopK] | type[Sampled]] = {"dense": Dense, "top_k": TopK, "sampled": Sampled}
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in spec.items()}
    kind = kinds.get(fields.pop("name", ""))
    try:
        assert kind is not None
        return kind(**fields)
    except (AssertionError, TypeError) as error:
        raise ArgumentError(f"an encoding must be one of {', '.join(kinds)}, got {dict(spec)}") from error

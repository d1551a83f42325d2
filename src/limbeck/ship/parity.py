"""Whether an exported model says what the net says."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.errors import ArgumentError, ShipError

TOLERANCE = 1e-4  # of a logit, relative to the largest one where that is above 1


@dataclass(frozen=True)
class Parity:
    """How closely an exported model follows the net, on real inputs."""

    rows: int
    largest_difference: float
    """Of a logit."""
    tolerance: float
    """What that may be on these rows."""
    top1_agreement: float
    """Share (0..1) of the rows on which both choose the same class."""


def measure_parity(expected: Float[Tensor, "rows classes"], said: Float[Tensor, "rows classes"]) -> Parity:
    """Return how closely a model's logits follow the net's, whatever that comes to.

    Raises:
        ArgumentError: unequal shapes.
    """
    if expected.shape != said.shape or expected.ndim != 2:
        raise ArgumentError(
            f"logits of a net and its export must have one shape, got {tuple(expected.shape)} and {tuple(said.shape)}"
        )
    first, second = expected.double(), said.double()
    differences = torch.where(first == second, 0.0, (first - second).abs())  # infinite on both sides is the same
    scale = torch.where(first.isfinite(), first.abs(), 0.0).max().item()
    same = first.argmax(-1) == second.argmax(-1)
    tolerance = TOLERANCE * max(1.0, scale)
    return Parity(len(first), differences.max().item(), tolerance, same.double().mean().item())


def check_parity(expected: Float[Tensor, "rows classes"], exported: Float[Tensor, "rows classes"]) -> Parity:
    """Return how closely an exported model's logits follow the net's.

    They may differ by 1e-4 of the largest logit, or by 1e-4 where no logit is above 1; and the most probable class by
    nothing, but on rows whose two largest logits lie closer together than that.

    Raises:
        ShipError: they differ by more.
        ArgumentError: unequal shapes.

    >>> check_parity(torch.tensor([[4.0, 0.0]]), torch.tensor([[4.0002, 0.0]])).top1_agreement
    1.0
    """
    parity = measure_parity(expected, exported)
    tolerance, first = parity.tolerance, expected.double()
    ahead = first.topk(min(2, first.shape[1])).values
    clear = (first.argmax(-1) != exported.argmax(-1)) & (ahead[:, 0] - ahead[:, -1] >= tolerance)
    if not parity.largest_difference <= tolerance or clear.any():  # not a number passes no test
        raise ShipError(
            f"ONNX Runtime's logits must be PyTorch's within {tolerance:.2g}, the largest of {parity.rows:,} rows' "
            f"differences is {parity.largest_difference:.2g}; {int(clear.sum()):,} choose another class",
            "the net may hold an operation that ONNX has not got as it is, or be random when it is asked",
        )
    return parity

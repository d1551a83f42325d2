"""From probabilities to logits, and the two mistakes that are made with them."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from limbeck.errors import ArgumentError

Gives = Literal["logits", "probs"]
"""What a model returns for a batch."""

NO_DISTRIBUTION_HINT = (
    "say gives='logits' if it gives logits; a teacher of several labels at once, each with a probability of its own, "
    "can't teach which one it is"
)
PROBABILITY_FLOOR = 1e-7  # float32's resolution near 1: what this class has, no other one would miss
SUM_TOLERANCE = 1e-3  # of a row of probabilities
CERTAIN_TOLERANCE = 1e-4  # logits whose every row sums to 1 so closely are none


def logits_of(
    probs: Float[Tensor, "batch classes"], floor: float = PROBABILITY_FLOOR
) -> Float[Tensor, "batch classes"]:
    """Return log(max(probs, floor)) in float32: logits whose softmax is `probs`, up to the floor.

    The floor is the smallest probability that is told apart from another: whatever lies below counts as the floor, and
    log(floor) is the lowest logit. A model may give 0 where it only can't tell: in a forest of n trees the class that
    got no vote has, as far as these trees can say, up to 1/n. There a higher floor makes the truer soft target.

    Args:
        probs: probabilities of each row's classes.
        floor: smallest probability, above 0 and below 1.

    Raises:
        ArgumentError: a floor outside 0..1, or rows that are no distributions.

    >>> logits_of(torch.tensor([[0.5, 0.5, 0.0]]))
    tensor([[ -0.6931,  -0.6931, -16.1181]])
    """
    check_floor(floor)
    wide = probs.detach().cpu().double()
    _check_distributions(wide, _tolerance(probs, SUM_TOLERANCE))
    return wide.clamp(min=floor).log().float().to(probs.device)


def check_floor(floor: float) -> None:
    """Raise ArgumentError unless the floor lies between 0 and 1."""
    if not 0 < floor < 1:
        raise ArgumentError(
            f"floor must lie between 0 and 1, got {floor}",
            f"it is the smallest probability that is told apart from another; the default is {PROBABILITY_FLOOR:g}",
        )


def check_gives(gives: str, floor: float) -> None:
    """Raise ArgumentError unless `gives` is one of the two, and the floor lies between 0 and 1."""
    if gives not in ("logits", "probs"):
        raise ArgumentError(f"gives must be 'logits' or 'probs', got {gives!r}")
    check_floor(floor)


def refuse_probabilities(logits: Tensor) -> None:
    """Raise ArgumentError if what should be logits (batch, classes) are certainly probabilities.

    That is where there are two rows and two classes at least, and every row is >= 0 and sums to 1 within 1e-4 (within
    the resolution of a coarser type). Taken for logits, they would make a soft target that is nearly uniform.
    """
    if logits.ndim != 2 or min(logits.shape) < 2:
        return
    wide = logits.detach().float()
    if bool((wide >= 0).all()) and bool(((wide.sum(-1) - 1).abs() <= _tolerance(logits, CERTAIN_TOLERANCE)).all()):
        raise ArgumentError(
            f"a teacher must give logits, got probabilities: each of {len(wide)} rows is >= 0 and sums to 1",
            "a net: leave its last softmax off, net[-1] = nn.Identity() say; an ONNX file: --gives probs, or "
            "gives='probs' in from_onnx; all else: a function of your module that returns from_function(ask, "
            "'name and version', gives='probs')",
        )


def _tolerance(rows: Tensor, least: float) -> float:
    """Return how far from 1 a row's sum may be rounded: in bfloat16 farther than in float32."""
    return max(least, torch.finfo(rows.dtype).eps) if rows.is_floating_point() else least


def _check_distributions(probs: Tensor, tolerance: float) -> None:
    if probs.ndim != 2 or not probs.shape[1]:
        raise ArgumentError(f"probabilities must have the shape (batch, classes), got {tuple(probs.shape)}")
    low, high, sums = probs.amin(-1), probs.amax(-1), probs.sum(-1)
    good = (low >= 0) & (high <= 1 + tolerance / 10) & ((sums - 1).abs() <= tolerance)
    if bool(good.all()):
        return
    row = int((~good).nonzero()[0])
    lowest, highest, total = (float(edge[row]) for edge in (low, high, sums))
    raise ArgumentError(
        f"probabilities must lie in 0..1 and each row's sum to 1 within {tolerance:g}, "
        f"row {row} lies in {lowest:g}..{highest:g} and sums to {total:g}",
        "look at the teacher's output on this input" if math.isnan(total) else NO_DISTRIBUTION_HINT,
    )

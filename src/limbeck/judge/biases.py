"""What to add to some classes' logits."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.errors import ArgumentError


def class_bias(
    logits: Float[Tensor, "examples classes"], labels: Int[Tensor, " examples"], classes: Sequence[int]
) -> float:
    """Return what to add to the logits of some classes to make the fewest errors (Hinton et al. 2015, s. 3).

    Exact: as the bias rises, an example goes over to these classes where it passes the margin by which they lie behind,
    so errors change at the margins alone. Of the biases with the fewest errors it is the middle of the widest range.
    """
    if not all(0 <= each < logits.shape[1] for each in classes):
        raise ArgumentError(f"classes with a bias must lie in 0..{logits.shape[1] - 1}, got {list(classes)}")
    ours = torch.zeros(logits.shape[1], dtype=torch.bool)
    ours[list(classes)] = True
    if ours.all() or not ours.any():
        raise ArgumentError(f"a bias must be for some classes and not for all, got {list(classes)}")
    wide = logits.double()
    inside, its_inside = wide.masked_fill(~ours, -torch.inf).max(1)
    outside, its_outside = wide.masked_fill(ours, -torch.inf).max(1)
    gained = (its_inside == labels).long() - (its_outside == labels).long()  # right answers more, once it is over
    changes = gained != 0  # one that is wrong on both sides ends no range
    if not changes.any():
        return 0.0
    margins, order = (outside - inside)[changes].sort()
    right = torch.cat([torch.zeros(1, dtype=torch.long), gained[changes][order].cumsum(0)])  # the first n are over
    edges = torch.cat([margins[:1] - 1, margins, margins[-1:] + 1])
    widths = edges.diff()
    widths[right < right[widths > 0].max()] = -1
    best = int(widths.argmax())
    return float((edges[best] + edges[best + 1]) / 2)

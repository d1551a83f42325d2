"""Who counts for an input (Hinton et al. 2015, s. 5.4, step 1)."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.specialists.checks import as_sets, check_count, check_rows


def active_specialists(
    generalist_probs: Float[Tensor, "batch classes"], special_classes: Sequence[Sequence[int]], n: int = 1
) -> Bool[Tensor, "batch specialists"]:
    """Return A_k: whose special set meets the generalist's n most probable classes k (Hinton et al. 2015, s. 5.4).

    Logits do as well: only their order counts. Of equal ones that share the n-th place some are taken.

    Raises:
        ArgumentError: what is no tensor (batch, classes) or has a NaN, n that is no whole number in 1..classes, or
            special sets that `combine` refuses.

    >>> active_specialists(torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]), [[0, 1], [1, 2]])
    tensor([[ True, False],
            [False,  True]])
    """
    check_rows("the generalist's probabilities", generalist_probs)
    num_classes = generalist_probs.shape[1]
    check_count("n", n, num_classes, "the paper's n is 1")
    nan = generalist_probs.isnan().any(1)
    if nan.any():
        raise ArgumentError(f"the generalist's probabilities must be numbers, got NaN in row {int(nan.int().argmax())}")
    sets = as_sets(special_classes, num_classes)
    inside = torch.zeros(num_classes, len(sets), dtype=torch.bool, device=generalist_probs.device)
    for number, classes in enumerate(sets):
        inside[torch.from_numpy(classes), number] = True
    return inside[generalist_probs.topk(int(n), dim=1).indices].any(1)

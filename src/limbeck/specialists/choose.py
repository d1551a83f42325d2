"""Who counts for an input (Hinton et al. 2015, s. 5.4, step 1)."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from limbeck.errors import ArgumentError
from limbeck.specialists.checks import as_sets


def active_specialists(
    generalist_probs: Float[Tensor, "batch classes"], special_classes: Sequence[Sequence[int]], n: int = 1
) -> Bool[Tensor, "batch specialists"]:
    """Return A_k: whose special set meets the generalist's n most probable classes k (Hinton et al. 2015, s. 5.4).

    Logits do as well: only their order counts. Of equal ones that share the n-th place some are taken.

    Raises:
        ArgumentError: n outside 1..classes, or special sets that `combine` refuses.

    >>> active_specialists(torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]), [[0, 1], [1, 2]])
    tensor([[ True, False],
            [False,  True]])
    """
    num_classes = generalist_probs.shape[1]
    if not 1 <= n <= num_classes:
        raise ArgumentError(f"n must lie in 1..{num_classes}, got {n}", "the paper's n is 1")
    inside = torch.zeros(num_classes, len(special_classes), dtype=torch.bool, device=generalist_probs.device)
    for number, classes in enumerate(as_sets(special_classes, num_classes)):
        inside[torch.from_numpy(classes), number] = True
    return inside[generalist_probs.topk(n, dim=1).indices].any(1)

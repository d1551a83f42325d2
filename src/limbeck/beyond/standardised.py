"""Logit standardisation (Sun et al. 2024, arXiv 2403.01427, alg. 1). Not in the paper."""

from jaxtyping import Float
from torch import Tensor

from limbeck.divergence import scaled
from limbeck.errors import ArgumentError

EPSILON = 1e-7  # of the source's own code: what keeps a row of equal logits finite


def standardised(logits: Float[Tensor, "batch classes"]) -> Float[Tensor, "batch classes"]:
    """Return logits of mean 0 and sample deviation 1 a row, for student and teacher before any loss.

    A student then has to match the shape of its teacher's logits, not their size. Computed in float32 at least; the
    gradient flows through, the larger the closer a row's logits lie: a student whose last layer starts at zero is
    thrown far by its first step. A row with a class masked by -inf gives NaN.

    Raises:
        ArgumentError: not (batch, classes), or fewer than two classes.

    >>> import torch
    >>> standardised(torch.tensor([[1.0, 2.0, 3.0]]))
    tensor([[-1.0000,  0.0000,  1.0000]])
    """
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ArgumentError(f"logits must be (batch, two or more classes), got shape {tuple(logits.shape)}")
    wide = scaled(logits, 1.0)
    return (wide - wide.mean(-1, keepdim=True)) / (wide.std(-1, keepdim=True) + EPSILON)

"""Distillation by correlation, DIST (Huang et al. 2022, arXiv 2205.10536, eqs. 8 to 11). Not in the paper."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cosine_similarity

from limbeck.beyond.mixing import check_weights, mixed, wide_pair
from limbeck.divergence import scaled
from limbeck.objective import check_temperature

ROUNDING = 8.0  # times the type's precision: by how much equal probabilities may differ, as a share of their mean


def correlation_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    labels: Int[Tensor, " batch"] | None = None,
    *,
    temperature: float = 4.0,
    hard_weight: float = 0.0,
    inter_weight: float = 1.0,
    intra_weight: float = 1.0,
) -> Float[Tensor, " batch"]:
    """Return each example's (1 - hard_weight)·T²·(inter_weight·inter + intra_weight·intra) + hard_weight·CE.

    inter is 1 less the correlation of the example's softened distributions, teacher's and student's, over the
    classes. intra is 1 less the correlation of a class's probabilities over the batch, the mean over the classes: the
    batch has one, which each of its examples gets, so that the mean over the batch is the paper's loss. What doesn't
    vary correlates with nothing. Computed in float32 at least. The gradient grows as a row's logits come together: a
    student whose last layer starts at zero is thrown far by its first step.

    Raises:
        ArgumentError: shapes that differ, a temperature that is not > 0, a hard_weight outside 0..1, labels that are
            missing though hard_weight > 0, or weights below 0.

    >>> import torch
    >>> z = torch.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 1.0]])
    >>> correlation_loss(z, z + 5).round(decimals=4).abs()
    tensor([0., 0.])
    """
    check_temperature(temperature)
    z, v = wide_pair(student_logits, teacher_logits)
    check_weights(inter_weight=inter_weight, intra_weight=intra_weight)
    q, p = (scaled(each, temperature).softmax(-1) for each in (z, v))
    soft = inter_weight * (1 - _correlation(p, q, -1)) + intra_weight * (1 - _correlation(p, q, 0)).mean()
    return mixed(temperature**2 * soft, z, labels, hard_weight)


def _correlation(one: Tensor, other: Tensor, dim: int) -> Tensor:
    """Return Pearson's correlation along a dimension."""
    return cosine_similarity(_centred(one, dim), _centred(other, dim), dim)


def _centred(values: Tensor, dim: int) -> Tensor:
    """Return values less their mean, exactly 0 where they differ by rounding alone."""
    mean = values.mean(dim, keepdim=True)
    apart = values - mean
    rounding = (apart.abs() <= ROUNDING * torch.finfo(values.dtype).eps * mean).all(dim, keepdim=True)
    return apart - torch.where(rounding, apart, 0).detach()  # the gradient is that of any other values

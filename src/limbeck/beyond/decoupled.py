"""Decoupled knowledge distillation (Zhao et al. 2022, arXiv 2203.08679, eq. 7). Not in the paper."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.beyond.mixing import check_weights, mixed, wide_pair
from limbeck.divergence import scaled
from limbeck.errors import ArgumentError
from limbeck.objective import check_labels, check_temperature, distillation_loss


def decoupled_loss(
    student_logits: Float[Tensor, "batch classes"],
    teacher_logits: Float[Tensor, "batch classes"],
    labels: Int[Tensor, " batch"],
    *,
    temperature: float = 4.0,
    hard_weight: float = 0.0,
    target_weight: float = 1.0,
    others_weight: float = 8.0,
) -> Float[Tensor, " batch"]:
    """Return each example's (1 - hard_weight)·T²·(target_weight·TCKD + others_weight·NCKD) + hard_weight·CE.

    TCKD is the KL between teacher and student of two outcomes, the label's class and all others; NCKD that of the
    others' distribution, renormalised without the label's class. With weights of 1 and 1 - p, p the teacher's
    probability of the label's class, the two add up to the KL of `distillation_loss`, which computes both. In float32
    at least. What is too large for that is the largest float. Where no class but the label's has a probability in the
    teacher, NCKD is 0.

    Raises:
        ArgumentError: shapes that differ, fewer than two classes, a label that is missing or outside the classes, a
            temperature that is not > 0, a hard_weight outside 0..1, or weights below 0.

    >>> z = torch.tensor([[1.0, 2.0, 3.0]])
    >>> decoupled_loss(z, z + 5, torch.tensor([2]))
    tensor([0.])
    """
    check_temperature(temperature)
    z, v = wide_pair(student_logits, teacher_logits)
    check_labels(labels, z)
    if z.shape[1] < 2:
        raise ArgumentError(f"logits must have two or more classes to be decoupled, got {z.shape[1]}")
    check_weights(target_weight=target_weight, others_weight=others_weight)
    index = labels.long().unsqueeze(-1)
    others_z, others_v = (each.scatter(-1, index, -torch.inf) for each in (z, v))
    alone = (others_v == -torch.inf).all(-1, keepdim=True)  # no other class has a probability: there is nothing to tell
    others_z, others_v = (each.masked_fill(alone, 0.0) for each in (others_z, others_v))
    two_z, two_v = (_two_outcomes(each, index, temperature) for each in (z, v))
    target = distillation_loss(two_z, two_v, temperature=temperature)
    others = distillation_loss(others_z, others_v, temperature=temperature)
    soft = target_weight * target + others_weight * others
    return mixed(soft.clamp(max=torch.finfo(soft.dtype).max), z, labels, hard_weight)


def _two_outcomes(logits: Tensor, index: Tensor, temperature: float) -> Tensor:
    """Return logits (batch, 2) of two outcomes at a temperature: the label's class and all others."""
    softened = scaled(logits, temperature)
    rest = softened.scatter(-1, index, -torch.inf).logsumexp(-1, keepdim=True)
    return temperature * torch.cat([softened.gather(-1, index), rest], -1)

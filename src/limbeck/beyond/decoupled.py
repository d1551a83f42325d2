"""Decoupled knowledge distillation (Zhao et al. 2022, arXiv 2203.08679, eq. 7). Not in the paper."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from limbeck.beyond.mixing import check_weights, mixed, wide_pair
from limbeck.divergence import scaled
from limbeck.errors import ArgumentError
from limbeck.objective import check_labels, check_temperature


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
    probability of the label's class, the two add up to the KL of `distillation_loss`. Computed in float32 at least.

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
    (log_q, others_q), (log_p, others_p) = (_split(scaled(each, temperature), labels.long()) for each in (z, v))
    soft = target_weight * _kl(log_p, log_q) + others_weight * _kl(others_p, others_q)
    return mixed(temperature**2 * soft, z, labels, hard_weight)


def _split(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return log-probabilities of (the label's class, any other), and of each other class among the others."""
    index = labels.unsqueeze(-1)
    log_all = logits.log_softmax(-1)
    others = log_all.scatter(-1, index, -torch.inf)
    log_rest = others.logsumexp(-1, keepdim=True)
    return torch.cat([log_all.gather(-1, index), log_rest], -1), others - log_rest


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return KL(p ‖ q) of each row; an outcome of probability 0 in p adds nothing."""
    gone = log_p == -torch.inf
    apart = log_p.masked_fill(gone, 0) - log_q.masked_fill(gone, 0)
    return (log_p.exp() * apart).sum(-1)
